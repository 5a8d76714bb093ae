"""`AlpacaBroker`: the broker port over alpaca-py's clients, with what the SDK leaves out or gets wrong put right.

The SDK has no time-outs, repeats a POST after 429 and 504 by itself, and sends quantities as JSON floats; here calls
are guarded and made once, and quantities are strings. Answers are read raw: the SDK's models turn decimals into floats.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import requests

from agora.lib.errors import Unavailable, Uncertain
from agora.lib.http import CONNECT_TIMEOUT, READ_TIMEOUT, guard
from orders.brokers.alpaca import corporate_actions, wire
from orders.brokers.alpaca.failures import failure_of, is_absent
from orders.brokers.alpaca.lean import without_pandas
from orders.brokers.alpaca.stream import follow_trade_updates
from orders.brokers.base import (
    BidAsk,
    BrokerOrder,
    CorporateAction,
    Execution,
    MarketClock,
    OrderRequest,
    Price,
    StreamItem,
)

with without_pandas():
    from alpaca.common.exceptions import APIError
    from alpaca.common.rest import RESTClient
    from alpaca.data.historical.stock import StockHistoricalDataClient
    from alpaca.trading.client import TradingClient

logger = logging.getLogger(__name__)

ORDERS_A_PAGE = 500  # the maximum: https://docs.alpaca.markets/reference/getallorders
ACTIONS_A_PAGE = 1000  # the maximum: https://docs.alpaca.markets/reference/corporateactions-1
ACTIVITIES_A_PAGE = 100  # the maximum: https://docs.alpaca.markets/reference/getaccountactivitiesbyactivitytype-1
T = TypeVar("T")


class AlpacaBroker:
    """The broker port (`orders.brokers.base.Broker`) at Alpaca's Trading API. Safe to share between threads."""

    name = "alpaca"

    def __init__(
        self,
        *,
        key_id: str,
        secret_key: str,
        url: str,
        data_url: str,
        stream_url: str,
        timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT),
    ) -> None:
        """`url` and `data_url` are without the trailing `/v2`, `stream_url` is in full (wss://…/stream)."""
        self._trading = TradingClient(key_id, secret_key, raw_data=True, url_override=url)
        self._data = StockHistoricalDataClient(key_id, secret_key, raw_data=True, url_override=data_url)
        self._follow = functools.partial(follow_trade_updates, url=stream_url, key_id=key_id, secret_key=secret_key)
        _prepare(self._trading, timeout)
        _prepare(self._data, timeout)

    def close(self) -> None:
        """Give the HTTP connections back; a later call opens new ones."""
        self._trading._session.close()
        self._data._session.close()

    def submit(self, request: OrderRequest) -> BrokerOrder:
        body = {
            "symbol": request.symbol,
            "qty": wire.exact(request.quantity),
            "side": "buy",
            "type": "market",
            # Fractions trade as day orders of the regular session only. After the close Alpaca queues it ("accepted")
            # for the next trading day; unfilled at that day's close it is cancelled: docs/orders-at-alpaca.
            "time_in_force": "day",
            "extended_hours": False,
            "client_order_id": request.client_order_id,
        }
        order = _call(lambda: self._trading.post("/orders", body), wire.parse_order, effect=True)
        asked = (request.symbol, "buy", request.quantity, request.client_order_id)
        told = (order.symbol, order.side, order.quantity, order.client_order_id)
        if told != asked:
            raise Uncertain(f"asked Alpaca for {asked}, it answered with {told} (order {order.broker_order_id})")
        return order

    def find_by_client_order_id(self, client_order_id: str) -> BrokerOrder | None:
        params = {"client_order_id": client_order_id}
        return _call_or_none(lambda: self._trading.get("/orders:by_client_order_id", params), wire.parse_order)

    def list_orders(self, *, status: str, after: datetime | None = None) -> list[BrokerOrder]:
        first: dict[str, str] = {} if after is None else {"after": _rfc3339(after)}
        # Orders may share their submitted_at, so the next page is asked by the last order's id. The API takes
        # either `after` or `after_order_id`, not both.
        pages = self._pages(
            "/orders",
            {"status": status, "direction": "asc", "nested": "false", "limit": str(ORDERS_A_PAGE)},
            first=first,
            cursor="after_order_id",
            size=ORDERS_A_PAGE,
        )
        return list(_readable(wire.parse_order, pages))

    def list_executions(self, *, after: datetime | None = None) -> list[Execution]:
        # The API's `after` is exclusive, and its order is that of milliseconds: ask from a second before, then cut.
        first = {} if after is None else {"after": _rfc3339(after - timedelta(seconds=1))}
        pages = self._pages(
            "/account/activities/FILL",
            {"direction": "asc", "page_size": str(ACTIVITIES_A_PAGE), **first},
            first={},
            cursor="page_token",
            size=ACTIVITIES_A_PAGE,
        )
        executions = _readable(wire.parse_activity, pages)
        return [execution for execution in executions if after is None or execution.executed_at >= after]

    def cancel(self, broker_order_id: str) -> None:
        _call(lambda: self._trading.delete(f"/orders/{broker_order_id}"), _ignore, effect=True)

    def position(self, symbol: str) -> Decimal:
        held = _call_or_none(
            lambda: self._trading.get(f"/positions/{symbol}"), functools.partial(wire.parse_position, symbol)
        )
        return Decimal(0) if held is None else held

    def positions(self) -> dict[str, Decimal]:
        return _call(lambda: self._trading.get("/positions"), wire.parse_positions, effect=False)

    def latest_price(self, symbol: str) -> Price:
        return self._latest(symbol, "trades", wire.parse_latest_trade)

    def latest_quote(self, symbol: str) -> BidAsk:
        return self._latest(symbol, "quotes", wire.parse_latest_quote)

    def clock(self) -> MarketClock:
        return _call(lambda: self._trading.get("/clock"), wire.parse_clock, effect=False)

    def corporate_actions(self, *, symbols: Iterable[str], first: date, last: date) -> list[CorporateAction]:
        params = {"symbols": ",".join(sorted(symbols)), "start": f"{first}", "end": f"{last}"}
        params |= {"limit": str(ACTIONS_A_PAGE), "sort": "asc"}
        found: list[CorporateAction] = []
        seen: set[str] = set()
        token = ""
        while token not in seen:
            seen.add(token)
            query = {**params, "page_token": token} if token else params
            call = functools.partial(self._data.get, "/corporate-actions", query, api_version="v1")
            page, token = _call(call, corporate_actions.parse_page, effect=False)
            found += page
            if not token:
                return found
        raise Unavailable(f"the corporate actions do not advance after {token[:100]}")

    def stream(self, stop: threading.Event) -> Iterator[StreamItem]:
        return self._follow(stop=stop)

    def _latest(self, symbol: str, what: str, parse: Callable[[str, Any], T]) -> T:
        """One symbol's newest of `what`. Asked by path: the SDK's own methods fail with any error at all on an answer
        that is JSON but no object, and follow a `next_page_token` that these answers do not have."""

        def read(raw: Any) -> T:
            found = raw.get(what) if isinstance(raw, dict) else None
            if not isinstance(found, dict) or symbol not in found:
                raise ValueError(f"no latest {what} of {symbol}: {str(raw)[:200]}")
            return parse(symbol, found[symbol])

        return _call(lambda: self._data.get(f"/stocks/{what}/latest", {"symbols": symbol}), read, effect=False)

    def _pages(
        self, path: str, params: dict[str, str], *, first: dict[str, str], cursor: str, size: int
    ) -> Iterator[dict[str, Any]]:
        """Every object of a list, each once, in order. `first`: parameters of the first page only."""
        seen: set[str] = set()
        extra = first
        while True:
            query = {**params, **extra}
            page = _call(functools.partial(self._trading.get, path, query), _objects, effect=False)
            named = [item for item in page if _has_id(item)]
            fresh = [item for item in named if item["id"] not in seen]
            yield from fresh
            if len(page) < size:
                return
            if not fresh:
                raise Unavailable(f"the list at {path} does not advance after {str(page[-1])[:200]}")
            seen.update(item["id"] for item in fresh)
            extra = {cursor: named[-1]["id"]}


def exact_numbers(response: requests.Response, *_args: Any, **_kwargs: Any) -> None:
    """Have the SDK's `response.json()` keep JSON's fractions as their literal text (market data is not in strings)."""
    response.json = functools.partial(response.json, parse_float=str)  # type: ignore[method-assign]


def _prepare(client: RESTClient, timeout: tuple[float, float]) -> None:
    client._retry = 0  # the constructor's retry_attempts=0 means "default"; a repeated POST is ours to decide
    guard(client._session, vendor="broker", timeout=timeout)
    client._session.hooks["response"].append(exact_numbers)


def _call(call: Callable[[], Any], parse: Callable[[Any], T], *, effect: bool) -> T:
    """Make a call of the SDK and read its answer. `effect`: unreadable or silent means Uncertain, not Unavailable."""
    try:
        return parse(call())
    except (APIError, requests.RequestException, ValueError) as error:
        raise failure_of(error, effect=effect) from error


def _call_or_none(call: Callable[[], Any], parse: Callable[[Any], T]) -> T | None:
    """As `_call` for a look-up: None where the vendor says that there is no such thing."""
    try:
        return parse(call())
    except APIError as error:
        if is_absent(error):
            return None
        raise failure_of(error, effect=False) from error
    except (requests.RequestException, ValueError) as error:
        raise failure_of(error, effect=False) from error


def _readable(parse: Callable[[Any], T], objects: Iterator[dict[str, Any]]) -> Iterator[T]:
    """The objects of a list that can be read. One odd object must not hide all others for ever: it is logged in full
    and left out; an execution missed so shows as an order whose filled_quantity exceeds its fills."""
    for raw in objects:
        try:
            yield parse(raw)
        except ValueError:
            logger.exception("unreadable object in a list of Alpaca's: %s", raw)


def _objects(raw: Any) -> list[Any]:
    """A page of a list, whatever its items are: an odd one must not hide the others."""
    if not isinstance(raw, list) or (raw and not any(isinstance(item, dict) and "id" in item for item in raw)):
        raise ValueError(f"not a list of objects with ids: {str(raw)[:200]}")
    return raw


def _has_id(item: Any) -> bool:
    if isinstance(item, dict) and isinstance(item.get("id"), str) and item["id"]:
        return True
    logger.error("object without an id in a list of Alpaca's: %s", item)
    return False


def _ignore(_raw: Any) -> None:
    return None


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
