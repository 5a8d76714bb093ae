"""The guard of `agora.lib.rows` around what the broker says: an odd row is kept MALFORMED, and its order is held."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from accounts.services import place_hold
from agora.lib import rows
from agora.lib.db import serializable
from agora.lib.storable import storable
from orders.brokers.base import BrokerOrder
from orders.models import Order
from orders.services.ingesting import OddFact, ingest_malformed, ingest_report

OWNER = "odd-row"  # of the holds placed here


@dataclass(slots=True, kw_only=True)
class Row:
    """Something that the broker said, with whose it may be and how it is taken in."""

    take: Callable[[], object]
    raw: Any = field(repr=False)
    client_order_id: str = ""
    broker_order_id: str = ""
    words: str = ""  # ours, of what is odd about it

    @property
    def name(self) -> str:
        return self.client_order_id or self.broker_order_id


def take_in_rows(said: Iterable[Row], *, asks: bool = False, now: datetime) -> int:
    """Take in each row of the broker's, whatever is odd about another; how many could be. `asks`: each is a call."""
    return rows.each(
        said,
        _take,
        name="broker",
        hold=lambda row, trouble: _set_aside(row=row, problem=f"{trouble}: {row.words}".rstrip(": "), now=now),
        each_asks=asks,
    )


def _take(row: Row) -> None:
    try:
        row.take()
    except OddFact as odd:
        row.words = str(odd)
        raise


def report_row(report: BrokerOrder, source: str, now: datetime) -> Row:
    """An order as the broker reports it when asked."""
    take = partial(
        ingest_report, source=source, event="", known=True, report=report, execution=None, reason="", now=now
    )
    return Row(
        take=take, raw=report.raw, client_order_id=report.client_order_id, broker_order_id=report.broker_order_id
    )


@serializable
def _set_aside(*, row: Row, problem: str, now: datetime) -> None:
    outcome = ingest_malformed(problem=problem, raw=row.raw, now=now)
    order = _whose(row)
    if order is None or outcome == "DUPLICATE":  # held before, and staff may have released it since
        return
    place_hold(subject=f"order:{order.pk}", owner=OWNER, reason=storable(problem), now=now)


def _whose(row: Row) -> Order | None:
    ids = {"broker_client_order_id": row.client_order_id, "broker_order_id": row.broker_order_id}
    for name, value in ids.items():
        if value and (order := Order.objects.filter(**{name: storable(value)}).first()):
            return order
    return None
