"""What staff have done to one order: the intent and its audit entry are saved here, a worker does the rest."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts.selectors import CLOSED
from accounts.services import place_hold, record_audit, release_hold
from agora.lib import events
from agora.lib.db import serializable
from orders.errors import OrderNotClosable, OrderNotHoldable, OrderNotUncertain
from orders.models import Order, OrderClosing
from orders.selectors import is_closed
from orders.services.cancelling import cancel_order
from orders.states import LADDER, WITHOUT_FILL, Resolution
from orders.states import OrderStatus as S


@serializable
def look_up_order(*, order_id: UUID, actor: str, reason: str, now: datetime) -> None:
    """Have a SUBMITTING order looked up at the broker at once instead of at its next turn. Raises OrderNotUncertain."""
    order = Order.objects.select_for_update().get(pk=order_id)
    if order.status != S.SUBMITTING:
        raise OrderNotUncertain(f"It is {order.status}.")
    order.next_attempt_at = now
    order.save(update_fields=["next_attempt_at"])
    _record(order, "order.look_up", actor, reason, now)
    events.emit("order.accepted", order.pk, order_id=order.pk)


@serializable
def cancel_order_for(*, order_id: UUID, actor: str, reason: str, now: datetime) -> None:
    """Cancel in the customer's stead. Raises OrderNotCancellable."""
    before = Order.objects.values_list("status", flat=True).get(pk=order_id)
    order = cancel_order(order_id=order_id, actor=actor, now=now)
    _record(order, "order.cancel", actor, reason, now, before=str(before))


@serializable
def hold_order(*, order_id: UUID, actor: str, reason: str, until: datetime | None, now: datetime) -> None:
    """Place the actor's hold; the one they have there already is replaced. Raises OrderNotHoldable."""
    order = Order.objects.select_for_update().get(pk=order_id)
    if order.status in (S.SETTLED, *WITHOUT_FILL):
        raise OrderNotHoldable(f"It is {order.status}.")
    subject = f"order:{order.pk}"
    release_hold(subject=subject, owner=actor, actor=actor, reason="replaced", now=now)
    place_hold(subject=subject, owner=actor, reason=reason, until=until, now=now)


@serializable
def close_order(
    *, order_id: UUID, cause: str, resolution: str, reference: str, actor: str, reason: str, now: datetime
) -> None:
    """Write down that what failed was settled outside, and hold the order for good: nothing is moved for it any more.

    The caller knows that `cause` failed for good and that nothing else of the order is under way.
    Raises OrderNotClosable.
    """
    order = Order.objects.select_for_update().get(pk=order_id)
    if order.status not in LADDER or order.status == S.SETTLED:
        raise OrderNotClosable(f"It is {order.status}.")
    if is_closed(order_id=order_id):
        raise OrderNotClosable("It was closed before.")
    OrderClosing.objects.create(
        order=order,
        cause=cause,
        resolution=Resolution(resolution),
        reference=reference,
        closed_by=actor,
        reason=reason,
        closed_at=now,
    )
    told = f"{resolution}, {reference}: {reason}"
    place_hold(subject=f"order:{order.pk}", owner=CLOSED, reason=told, now=now)
    record_audit(
        actor=actor,
        action="order.close",
        subject=f"order:{order.pk}",
        before={"status": str(order.status)},
        after={"status": str(order.status), "resolution": resolution, "reference": reference, "cause": cause},
        reason=reason,
        now=now,
    )


def _record(order: Order, action: str, actor: str, reason: str, now: datetime, *, before: str = "") -> None:
    record_audit(
        actor=actor,
        action=action,
        subject=f"order:{order.pk}",
        before={"status": before or str(order.status)},
        after={"status": str(order.status)},
        reason=reason,
        now=now,
    )
