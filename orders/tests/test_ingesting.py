"""What the broker says, in every order and every shape."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Hold
from agora.tests.world import World
from custody.models import CustodyRecord
from orders.brokers.base import BrokerOrder, BrokerPhase, Execution, ExecutionKind
from orders.models import BrokerMessage, Fill, Order
from orders.services import ingest_execution, ingest_malformed, ingest_report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(world: World) -> Order:
    """Submitted, and kept open by the broker."""
    world.outside.broker.control.scenario({"do": "hold"})
    return world.until_status(world.place("1"), "SUBMITTED")


def say(order: Order, phase: BrokerPhase, filled: str = "0", *, after: float = 1, **changes: Any) -> BrokerOrder:
    """The order as the broker might report it, `after` seconds from its last report."""
    assert order.broker_updated_at is not None
    said: dict[str, Any] = {
        "broker_order_id": order.broker_order_id,
        "client_order_id": order.broker_client_order_id,
        "symbol": "AAPL",
        "side": "buy",
        "quantity": order.quantity,
        "filled_quantity": Decimal(filled),
        "filled_avg_price": Decimal(200) if Decimal(filled) else None,
        "status": phase.lower(),
        "phase": phase,
        "updated_at": order.broker_updated_at + timedelta(seconds=after),
    }
    said |= changes
    return BrokerOrder(**said, raw={name: str(value) for name, value in said.items()})


def execution(order: Order, execution_id: str, quantity: str, **changes: Any) -> Execution:
    said: dict[str, Any] = {
        "execution_id": execution_id,
        "broker_order_id": order.broker_order_id,
        "kind": ExecutionKind.FILL,
        "quantity": Decimal(quantity),
        "price": Decimal(200),
        "executed_at": datetime.fromisoformat("2026-11-20T15:00:00+00:00"),
        "corrects": "",
    }
    said |= changes
    return Execution(**said, raw={name: str(value) for name, value in said.items()})


def take_in(report: BrokerOrder, fact: Execution | None = None, reason: str = "") -> str:
    raw = {**report.raw, "execution": fact.raw if fact else None}
    return ingest_report(
        source="stream", event="", known=True, report=report, execution=fact, reason=reason, raw=raw, now=timezone.now()
    )


def test_the_same_message_twice_is_taken_in_once(order: Order) -> None:
    report, fact = say(order, BrokerPhase.OPEN, "0.4"), execution(order, "e1", "0.4")

    assert (take_in(report, fact), take_in(report, fact)) == ("APPLIED", "DUPLICATE")

    order.refresh_from_db()
    assert (order.status, order.filled_quantity, Fill.objects.count()) == ("PARTIALLY_FILLED", Decimal("0.4"), 1)


def test_one_execution_in_two_different_messages_is_one_fill(order: Order) -> None:
    take_in(say(order, BrokerPhase.OPEN, "0.4"), execution(order, "e1", "0.4"))
    ingest_execution(execution=execution(order, "e1", "0.4"), now=timezone.now())

    order.refresh_from_db()
    assert (order.filled_quantity, Fill.objects.count()) == (Decimal("0.4"), 1)


def test_messages_in_reverse_order_end_in_the_same_place(order: Order) -> None:
    take_in(say(order, BrokerPhase.FILLED, "1", after=3), execution(order, "e2", "0.6"))
    order.refresh_from_db()
    assert (order.status, order.filled_quantity) == ("PARTIALLY_FILLED", Decimal("0.6"))

    outcome = take_in(say(order, BrokerPhase.OPEN, "0.4", after=-2), execution(order, "e1", "0.4"))

    order.refresh_from_db()
    assert outcome == "STALE"
    assert (order.status, order.filled_quantity, order.broker_status) == ("FILLED", Decimal(1), "filled")


def test_an_order_that_the_broker_calls_filled_waits_for_executions_that_add_up(world: World, order: Order) -> None:
    take_in(say(order, BrokerPhase.FILLED, "1"))

    order.refresh_from_db()
    assert (order.status, order.broker_filled_quantity, order.filled_quantity) == ("SUBMITTED", Decimal(1), 0)
    world.run_tasks()
    assert CustodyRecord.objects.count() == 0


def test_another_order_under_our_id_is_refused_and_held(order: Order) -> None:
    outcome = take_in(say(order, BrokerPhase.FILLED, "1", broker_order_id="another"), execution(order, "e1", "1"))

    assert outcome == "MISMATCH"
    assert (Fill.objects.count(), Hold.objects.get().subject) == (0, f"order:{order.pk}")
    order.refresh_from_db()
    assert order.status == "SUBMITTED"


@pytest.mark.parametrize(
    "changes",
    [{"symbol": "MSFT"}, {"side": "sell"}, {"quantity": Decimal(2)}, {"filled_quantity": Decimal("1.1")}],
    ids=lambda changes: next(iter(changes)),
)
def test_an_order_that_differs_from_what_was_asked_is_refused_and_held(order: Order, changes: dict[str, Any]) -> None:
    assert take_in(say(order, BrokerPhase.OPEN, "0", **changes)) == "MISMATCH"
    assert Hold.objects.get().owner == "broker-facts"


def test_an_execution_beyond_the_order_is_not_counted_and_holds_it(order: Order) -> None:
    take_in(say(order, BrokerPhase.OPEN, "1"), execution(order, "e1", "1"))

    assert take_in(say(order, BrokerPhase.OPEN, "1", after=2), execution(order, "e2", "0.1")) == "MISMATCH"

    order.refresh_from_db()
    assert (order.filled_quantity, Fill.objects.count()) == (Decimal(1), 1)
    assert "e2" in Hold.objects.get().reason


def test_a_busted_execution_is_taken_out_of_the_sum_and_holds_the_order(order: Order) -> None:
    take_in(say(order, BrokerPhase.OPEN, "0.4"), execution(order, "e1", "0.4"))
    bust = execution(order, "b1", "0.4", kind=ExecutionKind.BUST, corrects="e1")

    take_in(say(order, BrokerPhase.OPEN, "0", after=2), bust)

    order.refresh_from_db()
    assert (order.filled_quantity, Fill.objects.count(), Hold.objects.count()) == (0, 2, 1)


def test_a_corrected_execution_replaces_the_first_one_in_the_sum(order: Order) -> None:
    take_in(say(order, BrokerPhase.OPEN, "0.4"), execution(order, "e1", "0.4"))
    correction = execution(order, "c1", "0.3", kind=ExecutionKind.CORRECT, corrects="e1", price=Decimal(201))

    take_in(say(order, BrokerPhase.OPEN, "0.3", after=2), correction)

    order.refresh_from_db()
    assert (order.filled_quantity, order.filled_avg_price) == (Decimal("0.3"), Decimal(201))


def test_an_order_with_our_prefix_and_no_row_is_kept_as_an_orphan(world: World, order: Order) -> None:
    stray = say(order, BrokerPhase.OPEN, client_order_id="agora-00000000", broker_order_id="other")

    assert take_in(stray) == "ORPHAN"
    assert any("carries our prefix" in line for line in world.violations())


def test_somebody_elses_order_in_the_same_account_is_kept_and_harmless(world: World, order: Order) -> None:
    assert take_in(say(order, BrokerPhase.OPEN, client_order_id="by-hand", broker_order_id="other")) == "FOREIGN"
    assert world.violations() == []


def test_what_cannot_be_read_is_kept_once(order: Order) -> None:
    assert ingest_malformed(problem="no order", raw={"x": 1}, now=timezone.now()) == "MALFORMED"
    assert ingest_malformed(problem="no order", raw={"x": 1}, now=timezone.now()) == "DUPLICATE"
    assert BrokerMessage.objects.get(outcome="MALFORMED").payload == {"problem": "no order", "raw": {"x": 1}}


@pytest.mark.parametrize(
    ("phase", "status"),
    [(BrokerPhase.CANCELLED, "CANCELLED"), (BrokerPhase.EXPIRED, "EXPIRED"), (BrokerPhase.REJECTED, "REJECTED")],
)
def test_an_order_that_ends_unfilled_ends_with_the_brokers_reason(
    order: Order, phase: BrokerPhase, status: str
) -> None:
    take_in(say(order, phase), reason="the broker's words")

    order.refresh_from_db()
    assert (order.status, order.reason, order.filled_quantity) == (status, "the broker's words", 0)
