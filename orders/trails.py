"""Reads of whole histories, a few queries for any number of orders: what receipts and data exports are made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from orders.models import Fill, Order, OrderEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusStep:
    sequence: int
    status: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFact:
    """One execution as the broker reported it; a BUST or CORRECT names the one that it takes back or replaces."""

    execution_id: str
    kind: str
    quantity: Decimal  # shares
    price_usd: Decimal
    executed_at: datetime
    corrects: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTrail:
    """An order, each status it had, and each of its executions."""

    order_id: UUID
    symbol: str
    quantity: Decimal  # shares
    recipient: str
    client_order_id: str  # the customer's
    status: str
    reason: str
    created_at: datetime
    broker: str
    broker_client_order_id: str
    broker_order_id: str
    broker_status: str
    filled_quantity: Decimal
    filled_avg_price: Decimal | None
    statuses: tuple[StatusStep, ...]
    executions: tuple[ExecutionFact, ...]


def order_trails(*, order_ids: Iterable[UUID]) -> list[OrderTrail]:
    """Of these orders, oldest first. Whose they are is the caller's to know."""
    return _trails(list(Order.objects.select_related("asset").filter(pk__in=list(order_ids)).order_by("created_at")))


def trails_of_customer(*, customer_id: UUID) -> list[OrderTrail]:
    """Of all the customer's orders, oldest first."""
    rows = Order.objects.select_related("asset").filter(customer_id=customer_id)
    return _trails(list(rows.order_by("created_at")))


def _trails(orders: list[Order]) -> list[OrderTrail]:
    steps: defaultdict[UUID, list[StatusStep]] = defaultdict(list)
    for event in OrderEvent.objects.filter(order__in=orders).order_by("sequence"):
        steps[event.order_id].append(StatusStep(sequence=event.sequence, status=event.to_status, at=event.at))
    facts: defaultdict[UUID, list[ExecutionFact]] = defaultdict(list)
    for fill in Fill.objects.filter(order__in=orders).order_by("executed_at", "execution_id"):
        facts[fill.order_id].append(_fact(fill))
    return [_trail(order, tuple(steps[order.pk]), tuple(facts[order.pk])) for order in orders]


def _trail(order: Order, steps: tuple[StatusStep, ...], facts: tuple[ExecutionFact, ...]) -> OrderTrail:
    return OrderTrail(
        order_id=order.pk,
        symbol=order.asset.symbol,
        quantity=order.quantity,
        recipient=order.recipient,
        client_order_id=order.client_order_id,
        status=order.status,
        reason=order.reason,
        created_at=order.created_at,
        broker=order.broker,
        broker_client_order_id=order.broker_client_order_id,
        broker_order_id=order.broker_order_id,
        broker_status=order.broker_status,
        filled_quantity=order.filled_quantity,
        filled_avg_price=order.filled_avg_price,
        statuses=steps,
        executions=facts,
    )


def _fact(fill: Fill) -> ExecutionFact:
    return ExecutionFact(
        execution_id=fill.execution_id,
        kind=fill.kind,
        quantity=fill.quantity,
        price_usd=fill.price_usd,
        executed_at=fill.executed_at,
        corrects=fill.corrects,
    )
