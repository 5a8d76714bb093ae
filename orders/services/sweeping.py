"""The sweep: whatever stands still is nudged. This, not the queue, is what makes the loop complete."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from agora.lib import events
from orders.models import Order
from orders.states import OrderStatus as S

BATCH = 200


def sweep_orders(*, now: datetime) -> int:
    """Re-emit what an unmoved order waits for; how many were nudged. Safe to run anywhere, any number of times."""
    with transaction.atomic():
        due = list(
            Order.objects.select_for_update(skip_locked=True)
            .filter(next_attempt_at__lte=now, status__in=[S.PENDING, S.SUBMITTING, S.FILLED])
            .order_by("next_attempt_at")[:BATCH]
        )
        for order in due:
            if order.status != S.FILLED:
                events.emit("order.accepted", order.pk)
            elif order.filled_quantity == order.broker_filled_quantity:
                events.emit("order.filled", order.pk)
            wait = min(60.0, settings.NUDGE_AFTER * 2 ** min(order.attempts, 4))
            Order.objects.filter(pk=order.pk).update(
                next_attempt_at=now + timedelta(seconds=wait), attempts=F("attempts") + 1
            )
    return len(due)
