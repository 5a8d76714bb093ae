"""What orders' events and executions say happened, walked again (`manage.py replay`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from uuid import UUID

from agora.lib.replaying import Difference, batches, compare, replay_rows
from orders.models import Fill, Order
from orders.services.ingesting import sum_fills
from orders.states import LADDER, rung

NONE = Decimal(0)


def order_batches(*, order_id: UUID | None = None) -> Iterator[list[Order]]:
    """All orders, or the one, some at a time."""
    orders = Order.objects.all()
    return batches(orders.filter(pk=order_id) if order_id else orders)


def replay_orders(
    *,
    orders: list[Order],
    in_custody: Mapping[UUID, Decimal],
    minted: Mapping[UUID, Decimal],
    settled: Mapping[UUID, Decimal],
) -> list[Difference]:
    """How these orders differ from their events, their executions, and what later apps replayed for them."""
    replays, found = replay_rows(orders, kind="order")
    fills: dict[UUID, list[Fill]] = defaultdict(list)
    for fill in Fill.objects.filter(order__in=orders):
        fills[fill.order_id].append(fill)
    for order in orders:
        filled = sum_fills(fills[order.pk])
        sums = {
            "custody_quantity": in_custody.get(order.pk, NONE),
            "minted_quantity": minted.get(order.pk, NONE),
            "settled_quantity": settled.get(order.pk, NONE),
        }
        found += compare("order", order, filled_quantity=filled.quantity, filled_avg_price=filled.avg_price, **sums)
        if replays[order.pk].status in LADDER:
            stands = rung(
                filled=filled.quantity,
                in_custody=sums["custody_quantity"],
                minted=sums["minted_quantity"],
                settled=sums["settled_quantity"],
            )
            found += compare("order", order, status=str(stands))
    return list(dict.fromkeys(found))
