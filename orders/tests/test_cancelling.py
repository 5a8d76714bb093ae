"""Cancelling: kept before the broker is asked, asked until it answers, and never louder than the broker's facts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import LimitDay
from accounts.services import place_hold
from agora.tests.tables import unchanged
from agora.tests.world import LATER, Person, World
from orders.errors import OrderNotCancellable
from orders.models import Order
from orders.services import cancel_order, list_at_broker, send_cancel, sweep_orders


def _cancel(order: Order) -> Order:
    return cancel_order(order_id=order.pk, actor="test", now=timezone.now())


def _post(person: Person, order: Order) -> Any:
    return Client().post(f"/api/v1/orders/{order.pk}/cancel", headers=person.auth)


def _working(world: World, *steps: dict[str, Any]) -> Order:
    """An order that the broker has and does not fill by itself."""
    world.outside.broker.control.scenario(*(steps or ({"do": "hold"},)))
    order = world.place("1")
    world.run_tasks()
    return Order.objects.get(pk=order.pk)


def _deletes(world: World) -> int:
    return len(world.outside.broker.control.log("request", method="DELETE"))


def _used(world: World) -> Decimal:
    return LimitDay.objects.get(customer=world.alice.customer).used_usd


def test_an_order_that_was_not_sent_is_cancelled_at_once_and_never_sent(world: World) -> None:
    order = world.place("1")

    answer = _post(world.alice, order)
    world.run_tasks()
    world.tick()

    order.refresh_from_db()
    assert (answer.status_code, answer.json()["status"], order.status) == (200, "CANCELLED", "CANCELLED")
    assert (world.broker_orders(), _used(world)) == (0, 0)
    assert world.violations() == []


def test_an_order_at_the_broker_is_cancelled_when_the_broker_says_so(world: World) -> None:
    order = _working(world)

    answer = _post(world.alice, order)
    assert (answer.status_code, answer.json()["status"]) == (202, "SUBMITTED")
    assert answer.json()["cancel_requested_at"] is not None
    assert answer.json()["message"].startswith("You have cancelled this order.")
    world.run_tasks()

    order.refresh_from_db()
    assert (order.status, order.cancel_refusal, _deletes(world), _used(world)) == ("CANCELLED", "", 1, 0)
    assert order.cancel_answered_at is not None
    assert world.violations() == []


def test_asking_twice_asks_the_broker_once(world: World) -> None:
    order = _working(world)
    _post(world.alice, order)

    with unchanged():
        assert _post(world.alice, order).status_code == 202
    world.run_tasks()
    with unchanged():
        again = _post(world.alice, order)

    assert (again.status_code, again.json()["status"], _deletes(world)) == (200, "CANCELLED", 1)


def test_what_was_filled_before_the_cancel_is_kept_and_minted(world: World) -> None:
    order = _working(world, {"do": "fill", "qty": "0.4"}, {"do": "wait_cancel"}, {"do": "cancel"})
    world.until_status(order, "PARTIALLY_FILLED")

    _cancel(order)
    order = world.until_minted(order)

    assert (order.filled_quantity, order.minted_quantity, world.balance()) == (Decimal("0.4"),) * 3
    assert world.violations() == []


def test_a_fill_that_crosses_the_cancel_wins(world: World) -> None:
    order = _working(world, {"do": "wait_cancel"}, {"do": "fill"})

    _cancel(order)
    order = world.until_minted(order)

    assert (order.filled_quantity, world.balance(), world.broker_orders()) == (Decimal(1), Decimal(1), 1)
    assert world.violations() == []


def test_a_broker_that_refuses_is_quoted_and_its_facts_are_looked_up(world: World) -> None:
    order = _working(world)
    _cancel(order)
    world.outside.broker.control.order(order.broker_order_id, "fill")  # filled a moment before our cancel arrives

    world.run_tasks()

    order.refresh_from_db()
    assert order.cancel_refusal == 'order is already in "filled" state'
    order = world.until_minted(order)
    assert order.filled_quantity == 1


@pytest.mark.parametrize(
    "fault", [{"status": 500, "when": "after"}, {"status": 500, "when": "before"}, {"status": 429}]
)
def test_a_cancel_whose_outcome_is_unknown_is_asked_again_or_found_done(world: World, fault: dict[str, Any]) -> None:
    order = _working(world)
    world.outside.broker.control.scenario({"do": "fail", **fault}, endpoint="DELETE /v2/orders/{order_id}")
    _cancel(order)

    world.run_tasks()
    order.refresh_from_db()
    assert (order.status, order.cancel_answered_at) == ("SUBMITTED", None)
    world.until_status(order, "CANCELLED")

    assert _deletes(world) >= (1 if fault.get("when") == "after" else 2)
    assert world.violations() == []


def test_a_lost_task_costs_seconds(world: World) -> None:
    order = _working(world)
    _cancel(order)
    OrmQ.objects.all().delete()

    assert sweep_orders(now=timezone.now() + LATER) == 1
    world.run_tasks()

    order.refresh_from_db()
    assert order.status == "CANCELLED"


def test_a_cancel_while_the_broker_is_being_told_is_sent_once_it_knows(world: World) -> None:
    control = world.outside.broker.control
    control.scenario({"do": "hold"}, {"do": "fail", "status": 500, "when": "after"})
    order = world.place("1")
    world.run_tasks()
    order.refresh_from_db()
    assert order.status == "SUBMITTING"

    assert _post(world.alice, order).status_code == 202
    assert _deletes(world) == 0
    world.until_status(order, "CANCELLED")

    assert (world.broker_orders(), _used(world)) == (1, 0)
    assert world.violations() == []


def test_the_task_does_nothing_when_nobody_wants_it(world: World) -> None:
    order = _working(world)

    with unchanged():
        send_cancel(order_id=order.pk, now=timezone.now())

    assert _deletes(world) == 0


def test_a_done_order_cannot_be_cancelled(world: World) -> None:
    order = world.place("0.25")
    world.until_minted(order)

    with unchanged(), pytest.raises(OrderNotCancellable, match=r"MINT_CONFIRMED|SETTLED"):
        _cancel(order)
    answer = _post(world.alice, order)

    assert (answer.status_code, answer.json()["code"]) == (409, "order_not_cancellable")


def test_a_stranger_cannot_cancel(world: World) -> None:
    order = _working(world)

    with unchanged():
        assert _post(world.bob, order).status_code == 404


def test_a_held_order_can_be_cancelled(world: World) -> None:
    order = _working(world)
    place_hold(subject=f"order:{order.pk}", owner="test", reason="", now=timezone.now())
    _cancel(order)
    world.run_tasks()
    list_at_broker(now=timezone.now())

    order.refresh_from_db()
    assert order.status == "CANCELLED"
