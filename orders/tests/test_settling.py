"""What two people may settle of an order that its broker's words cannot move, and what they may not."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from agora.tests.rows import new_order, walk_to
from agora.tests.world import World
from orders.brokers.base import BrokerPhase
from orders.errors import OrderNotSettleable
from orders.models import Order
from orders.services import close_never_placed, settle_by_brokers_sum
from orders.tests.test_ingesting import execution, order, say, take_in  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("theirs", "phase", "price", "status"),
    [
        ("0", BrokerPhase.FILLED, "", "CANCELLED"),  # a bust that the stream lost
        ("0", BrokerPhase.CANCELLED, "", "CANCELLED"),
        ("0.4", BrokerPhase.CANCELLED, "", "FILLED"),  # the newest execution
        ("0.5", BrokerPhase.CANCELLED, "", "FILLED"),  # a part of it
        ("0.1", BrokerPhase.OPEN, "", "PARTIALLY_FILLED"),
        ("1", BrokerPhase.FILLED, "201", "FILLED"),  # an execution that no list has
    ],
)
def test_the_brokers_sum_is_taken_for_the_truth(
    world: World,
    order: Order,  # noqa: F811
    theirs: str,
    phase: BrokerPhase,
    price: str,
    status: str,
) -> None:
    for number, quantity in enumerate(("0.4", "0.3")):
        take_in(say(order, BrokerPhase.OPEN, "0.7", after=number), execution(order, f"e{number}", quantity))
    take_in(say(order, phase, theirs, after=3))

    _settle(order, ours="0.7", theirs=theirs, price=price)

    order.refresh_from_db()
    assert (order.status, order.filled_quantity) == (status, Decimal(theirs))
    assert AuditEntry.objects.filter(action="order.settle").count() == 1
    wrong = [line for line in world.violations() if "sum" in line or "part of the limit" in line]
    assert wrong == []


@pytest.mark.parametrize(("ours", "theirs", "price"), [("0.4", "0.1", ""), ("0.3", "0", ""), ("0.4", "0.4", "")])
def test_sums_that_were_not_shown_are_not_settled(order: Order, ours: str, theirs: str, price: str) -> None:  # noqa: F811
    take_in(say(order, BrokerPhase.OPEN, "0.4"), execution(order, "e1", "0.4"))
    take_in(say(order, BrokerPhase.OPEN, "0", after=2))

    with pytest.raises(OrderNotSettleable):
        _settle(order, ours=ours, theirs=theirs, price=price)


def test_what_the_broker_bought_more_needs_a_price(order: Order) -> None:  # noqa: F811
    take_in(say(order, BrokerPhase.FILLED, "1"))

    with pytest.raises(OrderNotSettleable, match="price"):
        _settle(order, ours="0", theirs="1", price="")


def test_an_order_that_the_broker_never_got_is_closed_after_a_day() -> None:
    row = walk_to(new_order(), "SUBMITTING")
    Order.objects.filter(pk=row.pk).update(updated_at=timezone.now() - timedelta(hours=23))
    with pytest.raises(OrderNotSettleable, match="a day"):
        _never_placed(row)
    long_ago = timezone.now() - timedelta(days=2)
    Order.objects.filter(pk=row.pk).update(created_at=long_ago, updated_at=long_ago)

    _never_placed(row)

    row.refresh_from_db()
    assert (row.status, row.reason) == ("CANCELLED", "never placed at the broker")


def test_an_order_that_the_broker_knows_is_not_closed_as_never_placed(order: Order) -> None:  # noqa: F811
    with pytest.raises(OrderNotSettleable, match="SUBMITTED"):
        _never_placed(order)


def _settle(row: Order, *, ours: str, theirs: str, price: str) -> None:
    settle_by_brokers_sum(
        subject=f"order:{row.pk}",
        ours=ours,
        theirs=theirs,
        price_usd=price,
        actor="staff:1",
        reason="the statement",
        now=timezone.now(),
    )


def _never_placed(row: Order) -> None:
    close_never_placed(
        subject=f"order:{row.pk}",
        broker_client_order_id=row.broker_client_order_id,
        actor="staff:1",
        reason="not in its console",
        now=timezone.now(),
    )
