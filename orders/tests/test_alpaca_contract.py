"""What the broker port promises, kept by alpaca-py against the sandbox, and by the vendor's paper environment.

The paper runs need ALPACA_PAPER_KEY_ID and ALPACA_PAPER_SECRET_KEY; they place orders of a few dollars.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from agora.lib.errors import Rejected, Unavailable, Uncertain
from orders.brokers.alpaca import AlpacaBroker
from orders.brokers.base import BrokerOrder, BrokerPhase, OrderRequest, StreamItem, StreamOpened, TradeUpdate
from orders.sandbox.process import Control, Sandbox, running

PAPER = {
    "url": "https://paper-api.alpaca.markets",
    "data_url": "https://data.alpaca.markets",
    "stream_url": "wss://paper-api.alpaca.markets/stream",
}
QUARTER = Decimal("0.25")


@pytest.fixture
def broker(sandbox: Sandbox, control: Control) -> Iterator[AlpacaBroker]:
    with closing(connect_to(sandbox)) as connected:
        yield connected


@pytest.fixture(params=["sandbox", "paper"])
def either(request: pytest.FixtureRequest) -> Iterator[AlpacaBroker]:
    """The broker at the sandbox, and again at the vendor's paper environment."""
    if request.param == "sandbox":
        yield request.getfixturevalue("broker")
        return
    key_id, secret_key = os.environ.get("ALPACA_PAPER_KEY_ID"), os.environ.get("ALPACA_PAPER_SECRET_KEY")
    if not key_id or not secret_key:
        pytest.skip("needs ALPACA_PAPER_KEY_ID and ALPACA_PAPER_SECRET_KEY")
    with closing(AlpacaBroker(key_id=key_id, secret_key=secret_key, **PAPER)) as connected:
        yield connected


def connect_to(sandbox: Sandbox) -> AlpacaBroker:
    return AlpacaBroker(
        key_id=sandbox.key_id,
        secret_key=sandbox.secret_key,
        url=sandbox.url,
        data_url=sandbox.data_url,
        stream_url=sandbox.stream_url,
    )


def buy(quantity: Decimal = QUARTER, symbol: str = "AAPL") -> OrderRequest:
    return OrderRequest(client_order_id=f"test-{uuid.uuid4()}", symbol=symbol, quantity=quantity)


def await_phase(broker: AlpacaBroker, client_order_id: str, phase: BrokerPhase) -> BrokerOrder:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        order = broker.find_by_client_order_id(client_order_id)
        if order is not None and order.phase is phase:
            return order
        time.sleep(0.02)
    raise AssertionError(f"{client_order_id} never became {phase}: {order}")


def await_event(items: Iterator[StreamItem], event: str) -> TradeUpdate:
    return next(item for item in items if isinstance(item, TradeUpdate) and item.event == event)


# --- Kept by the sandbox and by the vendor alike ------------------------------------------------------------------
def test_a_submitted_order_is_found_by_our_id_with_all_that_was_asked(either: AlpacaBroker) -> None:
    request = buy()

    submitted = either.submit(request)
    found = either.find_by_client_order_id(request.client_order_id)

    assert found is not None
    for order in (submitted, found):
        assert order.client_order_id == request.client_order_id
        assert (order.symbol, order.side, order.quantity) == ("AAPL", "buy", Decimal("0.25"))
    assert found.broker_order_id == submitted.broker_order_id
    assert found.phase in (BrokerPhase.OPEN, BrokerPhase.FILLED)


def test_an_id_that_nobody_used_is_not_found(either: AlpacaBroker) -> None:
    assert either.find_by_client_order_id(f"never-{uuid.uuid4()}") is None


def test_a_second_order_of_the_same_id_is_uncertain_and_the_first_one_stands(either: AlpacaBroker) -> None:
    request = buy()
    first = either.submit(request)

    with pytest.raises(Uncertain, match="client_order_id must be unique"):
        either.submit(request)

    found = either.find_by_client_order_id(request.client_order_id)
    assert found is not None
    assert found.broker_order_id == first.broker_order_id


def test_a_symbol_that_is_not_listed_is_rejected_and_leaves_no_order(either: AlpacaBroker) -> None:
    request = buy(symbol="NOSUCHSYMBOL")

    with pytest.raises(Rejected, match="not found") as refusal:
        either.submit(request)

    assert refusal.value.vendor_code == "42210000"
    assert either.find_by_client_order_id(request.client_order_id) is None


def test_an_order_is_listed_after_a_moment_before_its_submission(either: AlpacaBroker) -> None:
    request = buy()
    either.submit(request)

    listed = either.list_orders(status="all", after=datetime.now(UTC) - timedelta(minutes=2))

    assert [order.client_order_id for order in listed].count(request.client_order_id) == 1


def test_the_stream_opens_and_ends_soon_after_it_is_told_to_stop(either: AlpacaBroker) -> None:
    stop = threading.Event()
    with closing(either.stream(stop)) as items:
        assert next(items) == StreamOpened()
        stop.set()
        asked_at = time.monotonic()
        rest = list(items)

    assert rest == [] or all(isinstance(item, TradeUpdate) for item in rest)
    assert time.monotonic() - asked_at < 2.0


def test_the_clock_says_when_the_market_opens_and_closes_next(either: AlpacaBroker) -> None:
    clock = either.clock()

    assert abs(clock.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert min(clock.next_open, clock.next_close) > clock.at
    assert clock.is_open == (clock.next_close < clock.next_open)


def test_a_share_never_bought_is_held_zero_times(either: AlpacaBroker) -> None:
    assert either.position("BRK.B") == Decimal(0)
    assert "BRK.B" not in either.positions()


def test_the_latest_price_is_a_decimal_in_dollars(either: AlpacaBroker) -> None:
    price = either.latest_price("SPY")

    assert price.symbol == "SPY"
    assert isinstance(price.price_usd, Decimal)
    assert price.price_usd > 1


def test_the_latest_quote_is_in_decimals_and_not_from_the_future(either: AlpacaBroker) -> None:
    quote = either.latest_quote("SPY")

    assert quote.symbol == "SPY"
    assert isinstance(quote.bid_usd, Decimal)
    assert isinstance(quote.ask_usd, Decimal)
    assert min(quote.bid_usd, quote.ask_usd) >= 0  # zero where nobody bids or asks
    assert quote.at < datetime.now(UTC) + timedelta(minutes=1)


# --- Kept by the sandbox, where fills come when we want them ------------------------------------------------------
def test_a_market_order_fills_at_the_price_and_is_held_then(broker: AlpacaBroker, control: Control) -> None:
    control.settings(prices={"AAPL": "200.10"})
    request = buy()
    broker.submit(request)

    order = await_phase(broker, request.client_order_id, BrokerPhase.FILLED)

    assert (order.status, order.filled_quantity, order.filled_avg_price) == ("filled", QUARTER, Decimal("200.10"))
    assert broker.position("AAPL") == QUARTER
    assert broker.positions() == {"AAPL": QUARTER}
    assert broker.latest_price("AAPL").price_usd == Decimal("200.1")


@pytest.mark.parametrize("quantity", ["0.000000001", "0.123456789", "1000000.000000001", "3", "0.100000000"])
def test_a_quantity_arrives_exactly_as_it_was_asked(broker: AlpacaBroker, control: Control, quantity: str) -> None:
    control.settings(minimum_cost="0", cash="1000000000")
    request = buy(Decimal(quantity))

    assert broker.submit(request).quantity == Decimal(quantity)

    assert await_phase(broker, request.client_order_id, BrokerPhase.FILLED).filled_quantity == Decimal(quantity)
    assert broker.position("AAPL") == Decimal(quantity)
    assert [execution.quantity for execution in broker.list_executions()] == [Decimal(quantity)]


def test_a_fill_has_the_same_execution_id_on_the_stream_and_in_the_list(broker: AlpacaBroker) -> None:
    with closing(broker.stream(threading.Event())) as items:
        assert next(items) == StreamOpened()
        order = broker.submit(buy())
        update = await_event(items, "fill")

    (listed,) = broker.list_executions()
    assert update.execution is not None
    assert update.execution.execution_id == listed.execution_id
    assert (listed.broker_order_id, listed.quantity) == (order.broker_order_id, QUARTER)
    assert listed.price == update.execution.price
    assert listed.executed_at == update.execution.executed_at == update.at


def test_executions_are_listed_from_a_moment_on_inclusively(broker: AlpacaBroker) -> None:
    for _ in range(2):
        request = buy()
        broker.submit(request)
        await_phase(broker, request.client_order_id, BrokerPhase.FILLED)
    first, second = broker.list_executions()

    assert broker.list_executions(after=first.executed_at) == [first, second]
    assert broker.list_executions(after=second.executed_at) == [second]
    assert broker.list_executions(after=second.executed_at + timedelta(microseconds=1)) == []


def test_while_the_market_is_closed_an_order_waits_and_fills_when_it_opens(
    broker: AlpacaBroker, control: Control
) -> None:
    control.market(is_open=False)
    request = buy()

    clock = broker.clock()
    assert (clock.is_open, clock.next_open < clock.next_close) == (False, True)
    assert (clock.next_open.minute, clock.next_open.weekday() < 5) == (30, True)
    assert broker.latest_price("AAPL").at == broker.latest_quote("AAPL").at <= clock.at  # the last there was
    assert broker.submit(request).status == "accepted"
    time.sleep(0.1)
    assert await_phase(broker, request.client_order_id, BrokerPhase.OPEN).filled_quantity == 0
    control.market(is_open=True)

    assert await_phase(broker, request.client_order_id, BrokerPhase.FILLED).filled_quantity == QUARTER


def test_an_open_order_can_be_cancelled_and_a_filled_one_not(broker: AlpacaBroker, control: Control) -> None:
    control.scenario({"do": "hold"})
    held, filled = buy(), buy()
    held_order, filled_order = broker.submit(held), broker.submit(filled)
    await_phase(broker, filled.client_order_id, BrokerPhase.FILLED)

    broker.cancel(held_order.broker_order_id)
    with pytest.raises(Rejected, match='already in "filled" state'):
        broker.cancel(filled_order.broker_order_id)

    assert await_phase(broker, held.client_order_id, BrokerPhase.CANCELLED).filled_quantity == 0
    assert len(control.log("effect", effect="canceled")) == 1


def test_open_and_closed_orders_are_listed_apart_oldest_first(broker: AlpacaBroker, control: Control) -> None:
    control.scenario({"do": "hold"}, times=2)
    requests = [buy() for _ in range(3)]
    for request in requests:
        broker.submit(request)
    await_phase(broker, requests[2].client_order_id, BrokerPhase.FILLED)

    def listed(status: str) -> list[str]:
        return [order.client_order_id for order in broker.list_orders(status=status)]

    assert listed("open") == [request.client_order_id for request in requests[:2]]
    assert listed("closed") == [requests[2].client_order_id]
    assert listed("all") == [request.client_order_id for request in requests]


def test_wrong_keys_make_the_broker_unavailable_and_place_nothing(sandbox: Sandbox, control: Control) -> None:
    urls = {"url": sandbox.url, "data_url": sandbox.url, "stream_url": sandbox.stream_url}
    with closing(AlpacaBroker(key_id=sandbox.key_id, secret_key="wrong", **urls)) as stranger:
        with pytest.raises(Unavailable, match=r"401 unauthorized\..*a person must set them"):
            stranger.submit(buy())
        with pytest.raises(Unavailable, match="refused our API keys"):
            next(stranger.stream(threading.Event()))

    assert control.log("effect") == []


def test_the_sandbox_keeps_orders_and_goes_on_filling_after_kill_9(tmp_path_factory: pytest.TempPathFactory) -> None:
    data, request = tmp_path_factory.mktemp("killed"), buy()
    with running(data) as first, closing(connect_to(first)) as broker:
        first.control.scenario({"do": "fill", "qty": "0.1"}, {"do": "fill", "after": 0.5})
        submitted = broker.submit(request)
        while not first.control.log("effect", effect="partial_fill"):
            time.sleep(0.02)
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
        with pytest.raises(Unavailable):
            broker.clock()

    with running(data) as second, closing(connect_to(second)) as broker:
        order = await_phase(broker, request.client_order_id, BrokerPhase.FILLED)
        assert order.broker_order_id == submitted.broker_order_id
        assert [execution.quantity for execution in broker.list_executions()] == [Decimal("0.1"), Decimal("0.15")]
