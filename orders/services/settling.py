"""What two people settle of an order that its broker's words cannot move: their facts, written down as facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from accounts.services import record_audit, release_limit
from agora.lib import transitions
from agora.lib.db import serializable
from agora.lib.money import plain
from orders.brokers.base import ExecutionKind
from orders.errors import OrderNotSettleable
from orders.models import Fill, Order
from orders.services.ingesting import live_fills, settle_facts
from orders.states import LADDER
from orders.states import OrderStatus as S

UNKNOWN_FOR = timedelta(days=1)  # the broker's lists and ours have had every chance to meet by then
NEVER_PLACED = "never placed at the broker"


def settlement_refusal(*, order: Order) -> str:
    """Why the broker's sum cannot be taken for the truth of this order; "": it can."""
    ours, theirs = order.filled_quantity, order.broker_filled_quantity
    if order.status not in (S.PARTIALLY_FILLED, S.SUBMITTED, *LADDER):
        return f"It is {order.status}."
    if ours == theirs:
        return f"Both sums are {plain(ours)}."
    if order.custody_quantity > theirs:
        return f"{plain(order.custody_quantity)} shares are in custody for it already: that is a break of the books."
    return ""


def never_placed_refusal(*, order: Order, now: datetime) -> str:
    """Why this order cannot be closed as never placed; "": it can. A fill that shows up later still counts."""
    if order.status != S.SUBMITTING:
        return f"It is {order.status}."
    if order.broker_order_id:
        return f"The broker knows it as {order.broker_order_id}."
    if now - order.created_at < UNKNOWN_FOR or now - order.updated_at < UNKNOWN_FOR:
        return "The broker may still come to know it: it is not uncertain for a day yet."
    return ""


@serializable
def settle_by_brokers_sum(
    *, subject: str, ours: str, theirs: str, price_usd: str, actor: str, reason: str, now: datetime
) -> None:
    """What an approved proposal carries out: the broker's sum is the truth, and the missing facts are written down.

    What it takes back are busts and a correction of our newest executions; what it adds is an execution at
    `price_usd`. Raises OrderNotSettleable, also when either sum is not the one that was shown.
    """
    order = Order.objects.select_for_update().get(pk=UUID(subject.partition(":")[2]))
    if (plain(order.filled_quantity), plain(order.broker_filled_quantity)) != (ours, theirs):
        raise OrderNotSettleable("The sums are not those that were proposed to be settled.")
    if problem := settlement_refusal(order=order):
        raise OrderNotSettleable(problem)
    excess = order.filled_quantity - order.broker_filled_quantity
    if excess < 0 and not price_usd:
        raise OrderNotSettleable("What the broker bought more needs a price.")
    facts = _taken_back(order, excess, now) if excess > 0 else [_added(order, -excess, Decimal(price_usd), now)]
    before = str(order.status)
    settle_facts(order=order, facts=facts, now=now)
    _record(order, "order.settle", before, actor, reason, now, ours=ours, theirs=theirs)


@serializable
def close_never_placed(*, subject: str, broker_client_order_id: str, actor: str, reason: str, now: datetime) -> None:
    """What an approved proposal carries out: the broker never got it. Its id is burned, its limit given back.

    Raises OrderNotSettleable.
    """
    order = Order.objects.select_for_update().get(pk=UUID(subject.partition(":")[2]))
    problem = never_placed_refusal(order=order, now=now)
    if problem or order.broker_client_order_id != broker_client_order_id:
        raise OrderNotSettleable(problem or "It is not the order that was proposed to be closed.")
    order.reason, order.uncertain_since, order.next_attempt_at = NEVER_PLACED, None, None
    transitions.apply(
        order, to=S.CANCELLED, actor=actor, reason=NEVER_PLACED, now=now, fields=("reason", "uncertain_since")
    )
    release_limit(order_id=order.pk, now=now)
    _record(order, "order.never_placed", str(S.SUBMITTING), actor, reason, now, burned=broker_client_order_id)


def _taken_back(order: Order, excess: Decimal, now: datetime) -> Sequence[Fill]:
    facts: list[Fill] = []
    for fill in reversed(live_fills(order.fills.all())):
        if excess <= 0:
            break
        taken = min(excess, fill.quantity)
        excess -= taken
        is_whole = taken == fill.quantity
        kind = ExecutionKind.BUST if is_whole else ExecutionKind.CORRECT
        # A bust states what it takes, a correction what is left.
        left = fill.quantity if is_whole else fill.quantity - taken
        facts.append(_fact(order, len(facts), kind, left, fill.price_usd, fill.execution_id, now))
    return facts


def _added(order: Order, quantity: Decimal, price: Decimal, now: datetime) -> Fill:
    if not 0 < price < 10**9:
        raise OrderNotSettleable(f"{price} is no price.")
    return _fact(order, 0, ExecutionKind.FILL, quantity, price, "", now)


def _fact(
    order: Order, number: int, kind: ExecutionKind, quantity: Decimal, price: Decimal, corrects: str, now: datetime
) -> Fill:
    return Fill(
        order=order,
        broker=order.broker,
        execution_id=f"staff-{order.pk.hex}-{order.fills.count()}-{number}",  # no id of the broker's begins so
        kind=kind,
        quantity=quantity,
        price_usd=price,
        corrects=corrects,
        executed_at=now,
        recorded_at=now,
    )


def _record(order: Order, action: str, before: str, actor: str, reason: str, now: datetime, **told: str) -> None:
    record_audit(
        actor=actor,
        action=action,
        subject=f"order:{order.pk}",
        before={"status": before},
        after={"status": str(order.status), **told},
        reason=reason,
        now=now,
    )
