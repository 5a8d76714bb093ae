"""One row's odd fact stops that row: its order is held with the reason, what was said is kept, all others go on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, ProgrammingError
from django.utils import timezone

from accounts.models import Hold
from agora.lib.storable import storable
from agora.tests.world import World
from orders.brokers.base import BrokerOrder, BrokerPhase, ExecutionKind
from orders.models import BrokerMessage, Fill, Order
from orders.services.guarding import Row, take_in_rows
from orders.services.ingesting import ingest_execution, ingest_report
from orders.tests.test_ingesting import execution, order, say, take_in  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)

ODD_EXECUTIONS: list[dict[str, Any]] = [
    {"price": Decimal(10) ** 9},
    {"price": Decimal("1e30")},
    {"price": Decimal(0)},
    {"price": Decimal(-1)},
    {"price": Decimal("NaN")},
    {"quantity": Decimal("1e30")},
    {"quantity": Decimal(0)},
    {"quantity": Decimal("Infinity")},
    {"execution_id": "x" * 65},
    {"execution_id": "a\x00b"},
    {"execution_id": ""},
    {"corrects": "y" * 65, "kind": ExecutionKind.CORRECT},
    {"executed_at": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)},
]


@pytest.mark.parametrize("odd", ODD_EXECUTIONS, ids=str)
def test_an_odd_execution_is_kept_and_holds_its_order_only(order: Order, odd: dict[str, Any]) -> None:  # noqa: F811
    bad = replace(execution(order, "odd", "0.4"), **odd, raw={name: str(value) for name, value in odd.items()})
    for fact in (bad, execution(order, "good", "0.6")):
        row = Row(
            take=partial(ingest_execution, execution=fact, now=timezone.now()),
            raw=fact.raw,
            broker_order_id=fact.broker_order_id,
        )
        take_in_rows([row], now=timezone.now())

    order.refresh_from_db()
    assert (order.filled_quantity, Fill.objects.get().execution_id) == (Decimal("0.6"), "good")
    assert BrokerMessage.objects.filter(outcome="MALFORMED").count() == 1
    hold = Hold.objects.get(owner="odd-row")
    assert hold.subject == f"order:{order.pk}"
    assert ".py:" in hold.reason


ODD_REPORTS: list[dict[str, Any]] = [
    {"updated_at": datetime(9999, 12, 31, tzinfo=UTC)},
    {"broker_order_id": ""},
    {"status": "z" * 33},
    {"filled_quantity": Decimal("-1")},
    {"filled_quantity": Decimal("NaN")},
]


@pytest.mark.parametrize("odd", ODD_REPORTS, ids=str)
def test_an_odd_report_is_kept_and_holds_its_order_only(order: Order, odd: dict[str, Any]) -> None:  # noqa: F811
    report = say(order, BrokerPhase.OPEN, **odd)

    _guarded(report)

    assert BrokerMessage.objects.filter(outcome="MALFORMED").count() == 1
    assert Hold.objects.get(owner="odd-row").subject == f"order:{order.pk}"
    assert take_in(say(order, BrokerPhase.OPEN, "0.4", after=2), execution(order, "e1", "0.4")) == "APPLIED"


def test_a_released_hold_does_not_come_back_with_the_same_row(order: Order) -> None:  # noqa: F811
    report = say(order, BrokerPhase.OPEN, broker_order_id="")
    _guarded(report)
    Hold.objects.update(released_at=timezone.now(), released_by="test")

    _guarded(report)

    assert not Hold.objects.filter(released_at=None).exists()


@pytest.mark.parametrize("error", [OperationalError, ProgrammingError, RuntimeError])
def test_what_meets_every_row_is_let_through(error: type[Exception]) -> None:
    def fail() -> str:
        raise error("relation does not exist")

    with pytest.raises(error):
        take_in_rows([Row(take=fail, raw={})], now=timezone.now())


@pytest.mark.parametrize(
    "raw", [{"a": "\x00"}, {"\x00": 1}, {"a": float("nan")}, {"a": ["\ud800"]}, "\x00", None, 10**400]
)
def test_whatever_was_said_can_be_kept(raw: Any) -> None:
    kept = BrokerMessage.objects.create(
        source="stream", digest="d", payload=storable({"raw": raw}), outcome="MALFORMED", received_at=timezone.now()
    )
    kept.refresh_from_db()
    assert kept.payload == storable({"raw": raw})


def _guarded(report: BrokerOrder) -> None:
    take = partial(
        ingest_report,
        source="list",
        event="",
        known=True,
        report=report,
        execution=None,
        reason="",
        now=timezone.now(),
    )
    row = Row(take=take, raw=report.raw, client_order_id=report.client_order_id, broker_order_id=report.broker_order_id)
    take_in_rows([row], now=timezone.now())


def test_an_odd_answer_to_a_submission_holds_the_order_it_is_of(world: World) -> None:
    odd = {"updated_at": "9998-12-31T00:00:00Z"}
    world.outside.broker.control.scenario({"do": "alter", "set": odd}, endpoint="POST /v2/orders")
    placed = world.place("1")
    world.run_tasks()

    assert Order.objects.get(pk=placed.pk).status == "SUBMITTING"
    assert "9998" in Hold.objects.get(owner="odd-row").reason


# --- What is left when the broker takes back -------------------------------------------------------------------------
def test_a_part_filled_busted_and_cancelled_ends(world: World, order: Order) -> None:  # noqa: F811
    take_in(say(order, BrokerPhase.OPEN, "0.4"), execution(order, "e1", "0.4"))
    take_in(say(order, BrokerPhase.OPEN, after=2), _bust(order, "0.4"))
    take_in(say(order, BrokerPhase.CANCELLED, after=3))

    order.refresh_from_db()
    assert (order.status, order.filled_quantity) == ("CANCELLED", 0)
    assert not any("part of the limit" in line for line in world.violations())


def test_a_filled_order_of_which_all_is_busted_at_once_ends(world: World, order: Order) -> None:  # noqa: F811
    take_in(say(order, BrokerPhase.FILLED, "1"), execution(order, "e1", "0.4"))
    take_in(say(order, BrokerPhase.FILLED, "0", after=2), _bust(order, "0.4"))

    order.refresh_from_db()
    assert (order.status, order.reason) == ("CANCELLED", "the broker took back everything that it had bought")
    assert not any("part of the limit" in line for line in world.violations())


def test_a_bust_before_custody_is_done_does_not_settle_the_order(order: Order) -> None:  # noqa: F811
    take_in(say(order, BrokerPhase.FILLED, "1"), execution(order, "e1", "1"))
    take_in(say(order, BrokerPhase.FILLED, "0", after=2), _bust(order, "1"))

    order.refresh_from_db()
    assert (order.status, order.filled_quantity) == ("FILLED", 0)
    assert Hold.objects.filter(released_at=None, subject=f"order:{order.pk}").exists()


def test_a_bust_that_the_stream_lost_holds_the_order_at_once_until_the_sums_agree(order: Order) -> None:  # noqa: F811
    now = timezone.now()
    fact = execution(order, "e1", "0.4", executed_at=now)
    take_in(say(order, BrokerPhase.OPEN, "0.4", updated_at=now), fact)
    take_in(say(order, BrokerPhase.OPEN, "0", updated_at=now + timedelta(seconds=2)))

    hold = Hold.objects.get(owner="broker-sums")
    assert "0 filled" in hold.reason
    assert "0.4" in hold.reason

    take_in(say(order, BrokerPhase.OPEN, "0.4", updated_at=now + timedelta(seconds=3)))
    hold.refresh_from_db()
    assert hold.released_at


def test_executions_listed_before_the_report_are_no_contradiction(order: Order) -> None:  # noqa: F811
    now = timezone.now()
    ingest_execution(execution=execution(order, "e2", "0.6", executed_at=now + timedelta(seconds=1)), now=now)
    take_in(say(order, BrokerPhase.OPEN, "0.4", updated_at=now), execution(order, "e1", "0.4", executed_at=now))

    assert not Hold.objects.exists()


def test_replaced_is_not_an_end(order: Order) -> None:  # noqa: F811
    report = say(order, BrokerPhase.CANCELLED, status="replaced")
    report.raw["replaced_by"] = "the-heir"
    take_in(report)

    order.refresh_from_db()
    assert order.status == "SUBMITTED"
    assert "the-heir" in Hold.objects.get().reason


def test_a_fill_of_a_rejected_order_is_taken_in_and_held(world: World, order: Order) -> None:  # noqa: F811
    take_in(say(order, BrokerPhase.REJECTED), reason="no")
    take_in(say(order, BrokerPhase.FILLED, "1", after=2), execution(order, "e1", "1"))

    order.refresh_from_db()
    assert (order.status, order.filled_quantity) == ("FILLED", 1)
    assert "rejected" in Hold.objects.get().reason
    assert not any("part of the limit" in line for line in world.violations())


def _bust(order: Order, quantity: str) -> Any:  # noqa: F811
    return execution(order, "b1", quantity, kind=ExecutionKind.BUST, corrects="e1")
