"""Telling the broker, once (DESIGN §3): intent saved, call made, outcome saved; what is uncertain is looked up."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from accounts.selectors import BUYING, active_holds
from accounts.services import release_limit
from agora.lib import crashpoints, locks, log, tracing, transitions
from agora.lib.db import serializable
from agora.lib.errors import Rejected, Unavailable, Uncertain
from orders.brokers import get_broker
from orders.brokers.base import Broker, BrokerOrder, OrderRequest
from orders.models import Order
from orders.selectors import hold_subjects, order_facts
from orders.services.guarding import report_row, take_in_rows
from orders.states import OrderStatus as S

logger = log.get(__name__)
ACTOR = "worker"


def submit_order(*, order_id: UUID, now: datetime) -> None:
    """Bring a PENDING or SUBMITTING order to the broker. Does nothing when that is done, held or in another's hands."""
    with locks.exclusive("order", order_id) as mine:
        order = _claim(order_id=order_id, now=now) if mine else None
        if order is None:
            return
        broker = get_broker()
        try:
            with tracing.span("broker.submit", order_id=order_id):
                found = _call(broker, order, now)
        except Rejected as refusal:
            crashpoints.here("submit_order.before_refusal")
            _reject(order_id=order_id, reason=refusal.detail, code=refusal.vendor_code, now=now)
        except (Unavailable, Uncertain) as trouble:
            _postpone(order_id=order_id, trouble=trouble, now=now)
        else:
            if found is not None:
                crashpoints.here("submit_order.after_call")
                take_in_rows([report_row(found, "submit", now)], now=now)
                crashpoints.here("submit_order.after_outcome")


@serializable
def _claim(*, order_id: UUID, now: datetime) -> Order | None:
    """Phase 1: the intent, committed before anybody outside hears of it."""
    order = Order.objects.select_for_update().select_related("asset").get(pk=order_id)
    if order.status not in (S.PENDING, S.SUBMITTING):
        return None
    subjects = hold_subjects(facts=order_facts(order_id=order.pk), step=BUYING)
    order.next_attempt_at = now + timedelta(seconds=settings.NUDGE_AFTER)
    if order.status == S.PENDING and active_holds(subjects=subjects, now=now):
        order.save(update_fields=["next_attempt_at"])
        return None
    if order.status == S.PENDING:
        transitions.apply(order, to=S.SUBMITTING, actor=ACTOR, now=now)
    else:
        order.attempts += 1
        order.uncertain_since = order.uncertain_since or order.updated_at  # we died between call and outcome
        order.save(update_fields=["attempts", "next_attempt_at", "uncertain_since"])
    return order


def _call(broker: Broker, order: Order, now: datetime) -> BrokerOrder | None:
    """Phase 2. None: still uncertain, and too early to believe that the broker never got it."""
    if order.uncertain_since is not None:
        crashpoints.here("submit_order.before_lookup")
        found = broker.find_by_client_order_id(order.broker_client_order_id)
        if found is not None:
            return found
        if now < order.uncertain_since + timedelta(seconds=settings.UNCERTAIN_GRACE):
            return None
        crashpoints.here("submit_order.after_lookup")
    crashpoints.here("submit_order.before_call")
    return broker.submit(
        OrderRequest(client_order_id=order.broker_client_order_id, symbol=order.asset.symbol, quantity=order.quantity)
    )


@serializable
def _reject(*, order_id: UUID, reason: str, code: str, now: datetime) -> None:
    order = Order.objects.select_for_update().get(pk=order_id)
    if order.status != S.SUBMITTING:
        return
    order.reason, order.uncertain_since, order.next_attempt_at = reason, None, None
    transitions.apply(
        order, to=S.REJECTED, actor=order.broker, reason=reason, data={"code": code}, now=now,
        fields=("reason", "uncertain_since"),
    )  # fmt: skip
    release_limit(order_id=order.pk, now=now)


@serializable
def _postpone(*, order_id: UUID, trouble: Unavailable | Uncertain, now: datetime) -> None:
    order = Order.objects.select_for_update().get(pk=order_id)
    if order.status != S.SUBMITTING:
        return
    if isinstance(trouble, Uncertain):
        order.uncertain_since = now  # the grace starts again: this call may still arrive
    wait = trouble.retry_after or min(60.0, settings.NUDGE_AFTER * 2 ** min(order.attempts, 4))
    order.next_attempt_at = now + timedelta(seconds=wait)
    order.save(update_fields=["uncertain_since", "next_attempt_at"])
    logger.warning("submission postponed", order=str(order.pk), kind=type(trouble).__name__, detail=trouble.detail)
