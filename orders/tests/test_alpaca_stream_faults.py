"""The trade-updates stream when it misbehaves: nothing unreadable is dropped, what was missed is in the lists."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest

from agora.lib.errors import Unavailable
from orders.brokers.alpaca import AlpacaBroker
from orders.brokers.base import (
    BrokerPhase,
    MalformedUpdate,
    OrderRequest,
    StreamItem,
    StreamOpened,
    TradeUpdate,
)
from orders.sandbox.process import Control


def buy(quantity: str = "0.25") -> OrderRequest:
    return OrderRequest(client_order_id=f"test-{uuid.uuid4()}", symbol="AAPL", quantity=Decimal(quantity))


def updates(items: Iterator[StreamItem], last: str) -> list[TradeUpdate]:
    """All updates up to the first of event `last`."""
    read: list[TradeUpdate] = []
    for item in items:
        assert isinstance(item, TradeUpdate)
        read.append(item)
        if item.event == last:
            return read
    raise AssertionError(f"the stream ended without {last}")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"raw": "not json"}, "not a message of trade_updates"),
        ({"raw": "[1, 2]"}, "not a message of trade_updates"),
        ({"json": {"stream": "account_updates", "data": {}}}, "not a message of trade_updates"),
        ({"json": {"stream": "trade_updates"}}, "trade update is not an object but NoneType"),
        ({"json": {"stream": "trade_updates", "data": {"event": "fill"}}}, "order is not an object but NoneType"),
    ],
)
def test_what_cannot_be_read_is_kept_and_the_stream_goes_on(
    broker: AlpacaBroker, control: Control, items: Iterator[StreamItem], said: dict[str, Any], problem: str
) -> None:
    control.emit(**said)
    malformed = next(items)
    broker.submit(buy())

    assert isinstance(malformed, MalformedUpdate)
    assert malformed.problem == problem
    assert malformed.raw == said.get("json", malformed.raw)
    assert malformed.raw is not None
    assert updates(items, "fill")[-1].order.phase is BrokerPhase.FILLED


@pytest.mark.parametrize(
    "lacking", [{"qty": None}, {"qty": "some"}, {"price": "NaN"}, {"execution_id": None}, {"timestamp": "yesterday"}]
)
def test_a_fill_that_lacks_what_makes_it_one_is_malformed(
    broker: AlpacaBroker, control: Control, items: Iterator[StreamItem], lacking: dict[str, Any]
) -> None:
    order = broker.submit(buy())
    updates(items, "fill")

    fields = {"qty": "0.1", "price": "200", **lacking}
    control.emit(event="partial_fill", order_id=order.broker_order_id, fields=fields)

    malformed = next(items)
    assert isinstance(malformed, MalformedUpdate)
    assert next(iter(lacking)) in malformed.problem


def test_the_same_event_said_twice_has_the_same_execution_id(
    broker: AlpacaBroker, control: Control, items: Iterator[StreamItem]
) -> None:
    control.scenario({"do": "stream", "fault": "duplicate"})
    broker.submit(buy())

    told = updates(items, "fill")
    again = next(items)

    assert [update.event for update in told] == ["pending_new", "pending_new", "new", "new", "fill"]
    assert isinstance(again, TradeUpdate)
    assert again.execution == told[-1].execution


def test_events_may_come_out_of_order(broker: AlpacaBroker, control: Control, items: Iterator[StreamItem]) -> None:
    control.scenario({"do": "stream", "fault": "reorder"}, {"do": "fill", "qty": "0.1"}, {"do": "fill"})
    broker.submit(buy())

    told = updates(items, "partial_fill")

    assert [update.event for update in told] == ["new", "pending_new", "fill", "partial_fill"]


def test_what_the_stream_swallows_is_in_the_lists(
    broker: AlpacaBroker, control: Control, items: Iterator[StreamItem]
) -> None:
    control.scenario({"do": "stream", "fault": "swallow"})
    silent, loud = buy(), buy()
    broker.submit(silent)
    broker.submit(loud)

    told = updates(items, "fill")

    assert {update.order.client_order_id for update in told} == {loud.client_order_id}
    assert {order.client_order_id for order in broker.list_orders(status="all")} == {
        silent.client_order_id,
        loud.client_order_id,
    }


def test_a_lost_connection_is_unavailable_and_what_was_missed_is_listed_after_reconnecting(
    broker: AlpacaBroker, control: Control, items: Iterator[StreamItem]
) -> None:
    control.disconnect()
    with pytest.raises(Unavailable, match="Alpaca's stream ended"):
        next(items)
    request = buy()
    broker.submit(request)
    while not control.log("effect", effect="fill"):
        time.sleep(0.01)

    with closing(broker.stream(threading.Event())) as again:
        assert next(again) == StreamOpened()
        (missed,) = broker.list_executions()
        (order,) = broker.list_orders(status="all")

    assert (order.client_order_id, order.phase) == (request.client_order_id, BrokerPhase.FILLED)
    assert (missed.broker_order_id, missed.quantity) == (order.broker_order_id, Decimal("0.25"))


def test_a_stream_that_is_refused_or_reports_an_error_is_unavailable(
    broker: AlpacaBroker, control: Control, items: Iterator[StreamItem]
) -> None:
    control.emit(json={"action": "error", "data": {"error_message": "internal server error"}})
    with pytest.raises(Unavailable, match="internal server error"):
        next(items)

    control.settings(stream="refuse")
    with pytest.raises(Unavailable, match="503"):
        next(broker.stream(threading.Event()))
