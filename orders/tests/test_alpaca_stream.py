"""The trade-updates stream: what is told, in which order, and that nothing unreadable or unknown is dropped."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest

from orders.brokers.alpaca import AlpacaBroker, wire
from orders.brokers.base import (
    BrokerPhase,
    ExecutionKind,
    OrderRequest,
    StreamItem,
    StreamOpened,
    TradeUpdate,
)
from orders.sandbox.process import Control, Sandbox


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


def test_partial_fills_come_one_by_one_with_the_order_as_it_then_was(
    broker: AlpacaBroker, control: Control, items: Iterator[StreamItem]
) -> None:
    control.scenario({"do": "fill", "qty": "0.1", "price": "199.99"}, {"do": "fill", "price": "200.01"})
    request = buy()
    broker.submit(request)

    told = updates(items, "fill")

    assert [update.event for update in told] == ["pending_new", "new", "partial_fill", "fill"]
    assert all(update.known for update in told)
    assert [update.execution for update in told[:2]] == [None, None]
    first, second = told[2], told[3]
    assert first.execution is not None
    assert second.execution is not None
    assert (first.execution.kind, first.execution.quantity, first.execution.price, first.execution.corrects) == (
        ExecutionKind.FILL,
        Decimal("0.1"),
        Decimal("199.99"),
        "",
    )
    assert (first.order.status, first.order.filled_quantity) == ("partially_filled", Decimal("0.1"))
    assert (second.execution.quantity, second.order.filled_quantity) == (Decimal("0.15"), Decimal("0.25"))
    assert second.order.filled_avg_price == Decimal("200.002")
    assert second.order.client_order_id == request.client_order_id


def test_a_rejection_after_acceptance_tells_its_reason(
    broker: AlpacaBroker, control: Control, items: Iterator[StreamItem]
) -> None:
    control.scenario({"do": "reject_order", "reason": "halted"})
    broker.submit(buy())

    rejected = updates(items, "rejected")[-1]

    assert (rejected.reason, rejected.order.phase) == ("halted", BrokerPhase.REJECTED)


def test_a_fill_may_come_after_the_cancel(broker: AlpacaBroker, control: Control, items: Iterator[StreamItem]) -> None:
    control.scenario({"do": "wait_cancel"}, {"do": "cancel"}, {"do": "fill", "qty": "0.1", "after": 0.05})
    order = broker.submit(buy())
    updates(items, "new")

    broker.cancel(order.broker_order_id)

    assert [update.event for update in updates(items, "partial_fill")] == ["pending_cancel", "canceled", "partial_fill"]
    found = broker.find_by_client_order_id(order.client_order_id)
    assert found is not None
    assert (found.phase, found.filled_quantity) == (BrokerPhase.CANCELLED, Decimal("0.1"))
    assert broker.position("AAPL") == Decimal("0.1")


def test_a_bust_and_a_correction_name_the_execution_they_change(
    broker: AlpacaBroker, control: Control, items: Iterator[StreamItem]
) -> None:
    order = broker.submit(buy())
    fill = updates(items, "fill")[-1].execution
    assert fill is not None

    control.order(order.broker_order_id, "correct", execution_id=fill.execution_id, qty="0.2", price="201")
    correction = updates(items, "trade_correct")[-1]
    assert correction.execution is not None
    control.order(order.broker_order_id, "bust", execution_id=correction.execution.execution_id)
    bust = updates(items, "trade_bust")[-1]
    assert bust.execution is not None

    assert (correction.execution.kind, correction.execution.corrects) == (ExecutionKind.CORRECT, fill.execution_id)
    assert (correction.execution.quantity, correction.execution.price) == (Decimal("0.2"), Decimal("201"))
    assert correction.order.filled_quantity == Decimal("0.2")
    assert (bust.execution.kind, bust.execution.corrects) == (ExecutionKind.BUST, correction.execution.execution_id)
    assert (bust.execution.quantity, bust.order.filled_quantity) == (Decimal("0.2"), Decimal(0))
    assert broker.position("AAPL") == 0


def test_an_event_that_nobody_documented_is_handed_on_as_unknown(
    broker: AlpacaBroker, control: Control, items: Iterator[StreamItem]
) -> None:
    order = broker.submit(buy())
    updates(items, "fill")

    control.emit(event="tokenized", order_id=order.broker_order_id, fields={"reason": "new at Alpaca"})

    update = updates(items, "tokenized")[-1]
    assert (update.known, update.execution, update.reason) == (False, None, "new at Alpaca")
    assert update.raw["event"] == "tokenized"
    assert update.order.broker_order_id == order.broker_order_id


@pytest.mark.parametrize("event", sorted(wire.EVENTS - wire.EXECUTIONS.keys()))
def test_each_documented_event_of_an_orders_life_is_known_and_no_execution(
    broker: AlpacaBroker, control: Control, items: Iterator[StreamItem], event: str
) -> None:
    control.scenario({"do": "hold"})
    order = broker.submit(buy())
    updates(items, "new")

    control.emit(event=event, order_id=order.broker_order_id)

    update = updates(items, event)[-1]
    assert (update.known, update.execution) == (True, None)


def test_stopping_ends_a_silent_stream_within_half_a_second(broker: AlpacaBroker) -> None:
    stop = threading.Event()
    with closing(broker.stream(stop)) as items:
        assert next(items) == StreamOpened()
        asked_at = time.monotonic()
        threading.Timer(0.1, stop.set).start()
        assert list(items) == []
    assert time.monotonic() - asked_at < 0.1 + 0.5


def test_text_frames_are_read_as_binary_ones_are(
    broker: AlpacaBroker, control: Control, items: Iterator[StreamItem]
) -> None:
    control.settings(frames="text")
    broker.submit(buy())

    assert updates(items, "fill")[-1].order.phase is BrokerPhase.FILLED


def test_the_sandbox_speaks_to_the_vendors_own_stream_client(sandbox: Sandbox, broker: AlpacaBroker) -> None:
    # Loaded by name: only the adapter may import the SDK, and this is about the sandbox being a true copy.
    stream_client = pytest.importorskip("alpaca.trading.stream").TradingStream
    client = stream_client(sandbox.key_id, sandbox.secret_key, raw_data=True, url_override=sandbox.stream_url)
    events: list[str] = []

    async def note(message: dict[str, Any]) -> None:
        events.append(message["data"]["event"])
        if events[-1] == "fill":
            await client.stop_ws()

    client.subscribe_trade_updates(note)
    thread = threading.Thread(target=lambda: asyncio.run(asyncio.wait_for(client._run_forever(), 15)))
    thread.start()
    while not sandbox.control.listening():
        time.sleep(0.01)
    broker.submit(buy())
    thread.join()

    assert events == ["pending_new", "new", "fill"]
