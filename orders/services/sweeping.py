"""The sweep: whatever stands still is nudged. This, not the queue, is what makes the loop complete."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from accounts.services import place_hold
from agora.lib import events, rows
from orders.models import Order
from orders.states import OrderStatus as S

BATCH = 200
# The customer wants it cancelled, and the broker has not said yet whether it takes that.
CANCEL_UNDER_WAY = Q(
    status__in=[S.SUBMITTED, S.PARTIALLY_FILLED], cancel_requested_at__isnull=False, cancel_answered_at=None
)


def sweep_orders(*, now: datetime) -> int:
    """Re-emit what an unmoved order waits for; how many were nudged. Safe to run anywhere, any number of times."""
    with transaction.atomic():
        due = list(
            Order.objects.select_for_update(skip_locked=True)
            .filter(Q(status__in=[S.PENDING, S.SUBMITTING, S.FILLED]) | CANCEL_UNDER_WAY, next_attempt_at__lte=now)
            .order_by("next_attempt_at")[:BATCH]
        )
        rows.each(due, _nudge, name="sweep-orders", hold=partial(_hold, now=now))
        for order in due:  # an odd one, too, or it would be due for ever
            wait = min(60.0, settings.NUDGE_AFTER * 2 ** min(order.attempts, 4))
            Order.objects.filter(pk=order.pk).update(
                next_attempt_at=now + timedelta(seconds=wait), attempts=F("attempts") + 1
            )
    return len(due)


def _nudge(order: Order) -> None:
    if order.status in (S.PENDING, S.SUBMITTING):
        events.emit("order.accepted", order.pk, order_id=order.pk)
    elif order.status != S.FILLED:
        events.emit("order.cancel_requested", order.pk, order_id=order.pk)
    elif order.filled_quantity == order.broker_filled_quantity:
        events.emit("order.filled", order.pk, order_id=order.pk)


def _hold(order: Order, trouble: rows.Trouble, *, now: datetime) -> None:
    place_hold(subject=f"order:{order.pk}", owner=rows.OWNER, reason=trouble.reason, now=now)
