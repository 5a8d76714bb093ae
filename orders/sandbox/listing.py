"""The two lists that are paged: https://docs.alpaca.markets/reference/getallorders and
https://docs.alpaca.markets/reference/getaccountactivitiesbyactivitytype-1"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from orders.sandbox import refusals, wire
from orders.sandbox.store import Store


def orders(store: Store, query: dict[str, str]) -> list[dict[str, Any]]:
    """By time of submission; `after` and `until` are exclusive. A page goes on by `after_order_id`, without them."""
    limit = _whole(query, "limit", default=50, most=500)
    direction = _direction(query)
    where, values = _of_status(query.get("status", "open"))
    for name, comparison in (("after_order_id", ">"), ("before_order_id", "<")):
        if name in query:
            if "after" in query or "until" in query:
                raise refusals.field_wrong(f"{name} cannot be combined with after or until")
            where.append(f"seq {comparison} ?")
            values.append(_sequence(store, query[name]))
    for name, comparison in (("after", ">"), ("until", "<")):
        if name in query:
            where.append(f"submitted_at {comparison} ?")
            values.append(_moment(query, name))
    if query.get("symbols"):
        symbols = query["symbols"].split(",")
        where.append(f"symbol IN ({', '.join('?' * len(symbols))})")
        values.extend(symbols)
    sql = f"SELECT body FROM orders WHERE {' AND '.join(where)} ORDER BY seq {direction} LIMIT ?"  # noqa: S608
    return [json.loads(row["body"]) for row in store.query(sql, *values, limit)]


def fills(store: Store, query: dict[str, str], *, corrections: bool) -> list[dict[str, Any]]:
    """By time of the trade; `after` and `until` are exclusive. A page goes on by `page_token`, an activity's id."""
    limit = _whole(query, "page_size", default=100, most=100)
    direction = _direction(query)
    where = ["1 = 1"] if corrections else ["kind IN ('fill', 'partial_fill')"]
    values: list[Any] = []
    if token := query.get("page_token"):
        row = store.one("SELECT seq FROM executions WHERE id = ?", token.partition("::")[2])
        where.append(f"seq {'>' if direction == 'ASC' else '<'} ?")
        values.append(0 if row is None else row["seq"])
    for name, comparison in (("after", ">"), ("until", "<")):
        if name in query:
            where.append(f"json_extract(activity, '$.transaction_time') {comparison} ?")
            values.append(_moment(query, name))
    sql = f"SELECT activity FROM executions WHERE {' AND '.join(where)} ORDER BY seq {direction} LIMIT ?"  # noqa: S608
    return [json.loads(row["activity"]) for row in store.query(sql, *values, limit)]


def _of_status(status: str) -> tuple[list[str], list[Any]]:
    if status == "all":
        return ["1 = 1"], []
    if status not in ("open", "closed"):
        raise refusals.field_wrong(f"invalid status: {status}")
    negation = "" if status == "open" else "NOT "
    return [f"status {negation}IN ({', '.join('?' * len(wire.OPEN_STATUSES))})"], [*wire.OPEN_STATUSES]


def _sequence(store: Store, order_id: str) -> int:
    row = store.one("SELECT seq FROM orders WHERE id = ?", order_id)
    if row is None:
        raise refusals.order_not_found(order_id)
    return int(row["seq"])


def _direction(query: dict[str, str]) -> str:
    direction = query.get("direction", "desc")
    if direction not in ("asc", "desc"):
        raise refusals.field_wrong(f"invalid direction: {direction}")
    return direction.upper()


def _whole(query: dict[str, str], name: str, *, default: int, most: int) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise refusals.field_wrong(f"{name} must be between 1 and {most}")
    return int(text)


def _moment(query: dict[str, str], name: str) -> str:
    """In the form in which times are kept, so that they compare as text."""
    try:
        moment = datetime.fromisoformat(query[name])
    except ValueError:
        raise refusals.field_wrong(f"invalid {name}: {query[name]}") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{aware.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"


def is_about(action: Any, symbols: set[str]) -> bool:
    """Whether a corporate action names one of the symbols, in whatever part; what names none is about anybody."""
    named = {value for name, value in action.items() if name.endswith("symbol")} if isinstance(action, dict) else set()
    return not named or not named.isdisjoint(symbols)
