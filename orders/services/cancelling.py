"""Cancelling: the wish is kept first, the broker is asked next, and only its reports say what became of the order.

A cancel may cross a fill (ADR 0003): whatever was filled goes on to be held and minted. Asking the broker twice does no
harm, so what is uncertain is asked again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.services import release_limit
from agora.lib import crashpoints, events, locks, log, transitions
from agora.lib.db import serializable
from agora.lib.errors import Rejected, Unavailable, Uncertain
from orders.brokers import get_broker
from orders.errors import OrderNotCancellable
from orders.models import Order
from orders.services.guarding import report_row, take_in_rows
from orders.states import CANCELLABLE
from orders.states import OrderStatus as S

logger = log.get(__name__)


@serializable
def cancel_order(*, order_id: UUID, actor: str, now: datetime) -> Order:
    """Have an order cancelled; the order, as it is then. Nothing more happens when that is done or under way.

    One that the broker has not heard of is CANCELLED at once. Raises OrderNotCancellable; Order.DoesNotExist.
    """
    order = Order.objects.select_for_update(of=("self",)).select_related("asset").get(pk=order_id)
    if order.status == S.CANCELLED or (order.status in CANCELLABLE and order.cancel_requested_at):
        return order
    if order.status not in CANCELLABLE:
        raise OrderNotCancellable(
            _("It is %(status)s. Read the order to see what became of it.") % {"status": order.status}
        )
    order.cancel_requested_at, order.cancel_requested_by = now, actor
    wish = ("cancel_requested_at", "cancel_requested_by")
    if order.status == S.PENDING:
        order.next_attempt_at = None
        transitions.apply(
            order, to=S.CANCELLED, actor=actor, reason="cancelled before it was sent", now=now, fields=wish
        )
        release_limit(order_id=order.pk, now=now)
        return order
    if order.status == S.SUBMITTING:  # asked for once the broker is known to have it: ingesting does
        order.save(update_fields=[*wish])
        return order
    order.next_attempt_at, order.attempts = now + timedelta(seconds=settings.NUDGE_AFTER), 0
    order.save(update_fields=[*wish, "next_attempt_at", "attempts"])
    events.emit("order.cancel_requested", order.pk, order_id=order.pk)
    logger.info("cancel requested", order=str(order.pk), actor=actor)
    return order


def send_cancel(*, order_id: UUID, now: datetime) -> None:
    """Ask the broker to cancel. Does nothing when nobody wants that, it was answered, or another is asking."""
    with locks.exclusive("order-cancel", order_id) as mine:
        order = _wanted(order_id) if mine else None
        if order is None:
            return
        broker = get_broker()
        crashpoints.here("cancel_order.before_call")
        try:
            broker.cancel(order.broker_order_id)
        except Rejected as refusal:
            _note_answer(order_id=order_id, refusal=refusal.detail, now=now)
        except (Unavailable, Uncertain) as trouble:
            _postpone(order_id=order_id, trouble=trouble, now=now)
            return
        else:
            crashpoints.here("cancel_order.after_call")
            _note_answer(order_id=order_id, refusal="", now=now)
        crashpoints.here("cancel_order.after_outcome")
        try:  # the stream tells sooner or later; a look makes it sooner
            report = broker.find_by_client_order_id(order.broker_client_order_id)
        except (Rejected, Unavailable, Uncertain) as trouble:
            logger.info("no look after a cancel", order=str(order_id), detail=trouble.detail)
            return
        if report is not None:
            take_in_rows([report_row(report, "lookup", now)], now=now)


def _wanted(order_id: UUID) -> Order | None:
    return Order.objects.filter(
        pk=order_id,
        status__in=[S.SUBMITTED, S.PARTIALLY_FILLED],
        cancel_requested_at__isnull=False,
        cancel_answered_at=None,
    ).first()


@serializable
def _note_answer(*, order_id: UUID, refusal: str, now: datetime) -> None:
    order = Order.objects.select_for_update().get(pk=order_id)
    order.cancel_answered_at, order.cancel_refusal = now, refusal
    fields = ["cancel_answered_at", "cancel_refusal"]
    if order.status in (S.SUBMITTED, S.PARTIALLY_FILLED):
        order.next_attempt_at = None  # the list of what is open follows it from here
        fields.append("next_attempt_at")
    order.save(update_fields=fields)


@serializable
def _postpone(*, order_id: UUID, trouble: Unavailable | Uncertain, now: datetime) -> None:
    order = Order.objects.select_for_update().get(pk=order_id)
    if order.status not in (S.SUBMITTED, S.PARTIALLY_FILLED):
        return
    wait = trouble.retry_after or min(60.0, settings.NUDGE_AFTER * 2 ** min(order.attempts, 4))
    order.next_attempt_at, order.attempts = now + timedelta(seconds=wait), order.attempts + 1
    order.save(update_fields=["next_attempt_at", "attempts"])
    logger.warning("cancel postponed", order=str(order.pk), kind=type(trouble).__name__, detail=trouble.detail)
