"""Taking in what the broker says, in whatever order and however often it says it.

Every message is kept once, word for word. Executions are facts keyed by the broker's id; sums are recomputed from
them; an order moves only when they and the broker's own sum agree. What is unknown, garbled, foreign or contradictory
is kept and shown, never a crash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings

from accounts.services import place_hold, reinstate_limit, release_hold, release_limit
from agora.lib import events, ids, transitions
from agora.lib.db import serializable
from agora.lib.money import plain
from agora.lib.storable import storable
from orders.brokers.base import BrokerOrder, BrokerPhase, Execution, ExecutionKind
from orders.models import BrokerMessage, Fill, Order
from orders.services.progress import walk_ladder
from orders.states import LADDER, WITHOUT_FILL, after_report
from orders.states import OrderStatus as S

OWNER = "broker-facts"  # of the holds placed here: a fact, for two people
SUMS = "broker-sums"  # of a hold about two readings: it is released here when they agree again
REPLACED = "replaced"  # a broker's word for an order that goes on under another id: no end
NOTHING_LEFT = "the broker took back everything that it had bought"
LATEST = timedelta(days=2)  # a fact from later than this is odd, and would make all true ones stale
MOST = Decimal(10) ** 9  # shares, or dollars a share: more than our columns hold


class OddFact(ValueError):
    """What the broker says cannot be a fact: it is kept, its order held, and the rest goes on."""


@serializable
def ingest_report(
    *,
    source: str,
    event: str,
    known: bool,
    report: BrokerOrder,
    execution: Execution | None,
    reason: str,
    raw: Any = None,
    now: datetime,
) -> str:
    """Take in an order as the broker sees it, with the execution that came with it. Returns the message's outcome."""
    raw = raw if raw is not None else report.raw
    order = _order_of(report)
    if order:
        _refuse_odd_report(report, now)
        if execution:
            _refuse_odd_execution(execution, now)
    digest = _digest(source, raw, order)
    if BrokerMessage.objects.filter(digest=digest).exists():
        return "DUPLICATE"
    outcome = _take_in(order, report, execution, reason, now) if order else _stray(report)
    if not known or report.phase == BrokerPhase.UNKNOWN:
        outcome = "UNKNOWN" if outcome in ("APPLIED", "STALE") else outcome
    _keep(source, event, report.broker_order_id, order, digest, raw, outcome, now)
    return outcome


@serializable
def ingest_execution(*, execution: Execution, now: datetime) -> str:
    """Take in an execution listed by the broker after the fact, for an order that it already told us of."""
    order = Order.objects.select_for_update().filter(broker_order_id=execution.broker_order_id).first()
    digest = _digest("executions", execution.raw, order)
    if BrokerMessage.objects.filter(digest=digest).exists():
        return "DUPLICATE"
    if order is None:
        outcome = "FOREIGN"
    else:
        _refuse_odd_execution(execution, now)
        before = _position(order)
        outcome = "APPLIED" if _record_execution(order, execution, now) else "MISMATCH"
        _advance(order, before, "", now)
    _keep("executions", execution.kind, execution.broker_order_id, order, digest, execution.raw, outcome, now)
    return outcome


@serializable
def ingest_malformed(*, problem: str, raw: Any, now: datetime) -> str:
    """Keep a message that could not be read: word for word, but for what no column can hold."""
    payload = storable({"problem": problem, "raw": raw})
    digest = _digest("stream", payload, None)
    if BrokerMessage.objects.filter(digest=digest).exists():
        return "DUPLICATE"
    _keep("stream", "", "", None, digest, payload, "MALFORMED", now)
    return "MALFORMED"


def _refuse_odd_report(report: BrokerOrder, now: datetime) -> None:
    if not report.broker_order_id:
        raise OddFact("an order without an id")
    if report.updated_at > now + LATEST:
        raise OddFact(f"an order updated at {report.updated_at}")
    if not 0 <= report.filled_quantity < MOST:
        raise OddFact(f"{report.filled_quantity} shares filled")


def _refuse_odd_execution(execution: Execution, now: datetime) -> None:
    """Nothing is bought for nothing. What a bust or a correction says of a price is held against the same."""
    if not execution.execution_id:
        raise OddFact("an execution without an id")
    if execution.executed_at > now + LATEST:
        raise OddFact(f"an execution at {execution.executed_at}")
    if not 0 <= execution.quantity < MOST or (execution.quantity == 0 and execution.kind == ExecutionKind.FILL):
        raise OddFact(f"an execution of {execution.quantity} shares")
    least_is_zero = execution.kind == ExecutionKind.BUST or execution.quantity == 0
    if not 0 <= execution.price < MOST or (execution.price == 0 and not least_is_zero):
        raise OddFact(f"an execution at a price of {execution.price}")


def _order_of(report: BrokerOrder) -> Order | None:
    rows = Order.objects.select_for_update(of=("self",)).select_related("asset")
    return rows.filter(broker_client_order_id=report.client_order_id).first()


def _stray(report: BrokerOrder) -> str:
    """ORPHAN: it carries our prefix, and we have no such order. The audit shows those."""
    return "ORPHAN" if report.client_order_id.startswith(f"{ids.PREFIX}-") else "FOREIGN"


def _take_in(order: Order, report: BrokerOrder, execution: Execution | None, reason: str, now: datetime) -> str:
    if problem := _contradiction(order, report):
        _hold(order, problem, now)
        return "MISMATCH"
    before = _position(order)
    stale = order.broker_updated_at is not None and report.updated_at < order.broker_updated_at
    if not stale:
        order.broker_status = report.status
        order.broker_phase = BrokerPhase.UNKNOWN if report.status == REPLACED else report.phase
        order.broker_filled_quantity = report.filled_quantity
        order.broker_updated_at = report.updated_at
    order.broker_order_id = report.broker_order_id
    order.uncertain_since = None
    if order.status == S.PENDING:
        transitions.apply(order, to=S.SUBMITTING, actor=order.broker, reason="the broker already knows it", now=now)
    if order.status == S.SUBMITTING:
        transitions.apply(
            order, to=S.SUBMITTED, actor=order.broker, now=now, data={"broker_order_id": report.broker_order_id}
        )
        if order.cancel_requested_at:  # asked for while the broker was being told
            order.next_attempt_at = now
            events.emit("order.cancel_requested", order.pk, order_id=order.pk)
    recorded = _record_execution(order, execution, now) if execution else True
    if not stale and (problem := _unfinished_business(order, report)):
        place_hold(subject=f"order:{order.pk}", owner=SUMS, reason=problem, now=now)
    _advance(order, before, reason, now)
    return ("STALE" if stale else "APPLIED") if recorded else "MISMATCH"


def _unfinished_business(order: Order, report: BrokerOrder) -> str:
    """What the order cannot go on with, though nothing of it is false; "" if nothing."""
    if report.status == REPLACED:
        heir = report.raw.get("replaced_by") if isinstance(report.raw, dict) else None
        return f"the broker replaced the order by {heir or 'another, of an unknown id'}: it may be filled there"
    ours, theirs = order.filled_quantity, report.filled_quantity
    if theirs < ours and report.updated_at > max(fill.executed_at for fill in order.fills.all()):
        return f"the broker says {plain(theirs)} filled, its executions add up to {plain(ours)}: was one taken back?"
    if report.phase == BrokerPhase.FILLED and theirs == ours == 0 and order.status == S.SUBMITTED:
        return "the broker calls the order filled, and says that nothing is"
    return ""


def _contradiction(order: Order, report: BrokerOrder) -> str:
    """Why this cannot be our order, "" if it can."""
    if order.broker_order_id and order.broker_order_id != report.broker_order_id:
        return f"the broker has a second order under our id: {report.broker_order_id}"
    said = (report.symbol, report.side, report.quantity)
    if said != (order.asset.symbol, "buy", order.quantity):
        return f"the broker's order differs from ours: {report.side} {report.quantity} {report.symbol}"
    if report.filled_quantity > order.quantity:
        return f"the broker filled {plain(report.filled_quantity)} of {plain(order.quantity)}"
    return ""


def _record_execution(order: Order, execution: Execution, now: datetime) -> bool:
    """Add the fact unless we have it. False, with a hold, where it would fill more than was ordered."""
    if Fill.objects.filter(broker=order.broker, execution_id=execution.execution_id).exists():
        return True
    fill = Fill(
        order=order,
        broker=order.broker,
        execution_id=execution.execution_id,
        kind=execution.kind,
        quantity=execution.quantity,
        price_usd=execution.price,
        corrects=execution.corrects,
        executed_at=execution.executed_at,
        recorded_at=now,
    )
    total = sum_fills([*order.fills.all(), fill])
    if not 0 <= total.quantity <= order.quantity:
        _hold(order, f"execution {execution.execution_id} would make {plain(total.quantity)} filled", now)
        return False
    fill.save(force_insert=True)
    order.filled_quantity, order.filled_avg_price = total.quantity, total.avg_price
    if order.status == S.REJECTED:
        _hold(order, f"the broker filled an order that was told as rejected: {order.reason}", now)
    if execution.kind != ExecutionKind.FILL:
        _hold(order, f"the broker sent a {execution.kind.lower()} of an execution: {execution.corrects}", now)
    return True


def _position(order: Order) -> tuple[object, ...]:
    return order.status, order.filled_quantity, order.broker_filled_quantity


def _advance(order: Order, before: tuple[object, ...], reason: str, now: datetime) -> None:
    """Save the order, moved to wherever the facts now take it, and say that it is filled when that is news."""
    target = None
    if order.status not in LADDER:
        target = after_report(
            status=order.status,
            phase=order.broker_phase,
            filled=order.filled_quantity,
            broker_filled=order.broker_filled_quantity,
        )
    if target:
        if target in WITHOUT_FILL and order.status == S.PARTIALLY_FILLED:
            reason = reason or NOTHING_LEFT
        order.reason = reason if target != S.FILLED else ""
        order.next_attempt_at = now + timedelta(seconds=settings.NUDGE_AFTER) if target == S.FILLED else None
        was_out = order.status in WITHOUT_FILL
        sums = ("filled_quantity", "filled_avg_price")  # saved with the move: who is out has nothing filled
        transitions.apply(order, to=target, actor=order.broker, reason=reason, now=now, fields=sums)
        if target in WITHOUT_FILL:
            release_limit(order_id=order.pk, now=now)
        elif was_out:  # a fill that crossed the cancel
            reinstate_limit(order_id=order.pk, now=now)
    order.updated_at = now
    order.save()
    walk_ladder(order, actor=order.broker, reason="late fill", now=now)
    if before[1:] != (order.filled_quantity,) * 2 and order.filled_quantity == order.broker_filled_quantity:
        release_hold(subject=f"order:{order.pk}", owner=SUMS, actor=order.broker, reason="the sums agree", now=now)
    is_whole = order.status == S.FILLED and order.filled_quantity == order.broker_filled_quantity
    if is_whole and _position(order) != before:
        events.emit("order.filled", order.pk, order_id=order.pk)


def _hold(order: Order, problem: str, now: datetime) -> None:
    place_hold(subject=f"order:{order.pk}", owner=OWNER, reason=problem, now=now)


@dataclass(frozen=True, slots=True)
class FillSum:
    quantity: Decimal
    avg_price: Decimal | None


def sum_fills(fills: Iterable[Fill]) -> FillSum:
    """What is filled, after busts and corrections: the one definition of it. Pure."""
    live = live_fills(fills)
    quantity = sum((fill.quantity for fill in live), Decimal(0))
    if not quantity:
        return FillSum(Decimal(0), None)
    cost = sum((fill.quantity * fill.price_usd for fill in live), Decimal(0))
    return FillSum(quantity, (cost / quantity).quantize(Decimal("1e-9")))


def live_fills(fills: Iterable[Fill]) -> list[Fill]:
    """The facts that count, oldest first: no busts, and nothing that was busted or corrected. Pure."""
    facts = sorted(fills, key=lambda fill: (fill.executed_at, fill.execution_id))
    replaced = {fill.corrects for fill in facts if fill.kind != ExecutionKind.FILL}
    return [f for f in facts if f.kind != ExecutionKind.BUST and f.execution_id not in replaced]


def settle_facts(*, order: Order, facts: Iterable[Fill], now: datetime) -> None:
    """Add what two people found out of an order, which the caller has locked; it moves as by the broker's word."""
    before = _position(order)
    for fact in facts:
        fact.save(force_insert=True)
    total = sum_fills(order.fills.all())
    order.filled_quantity, order.filled_avg_price = total.quantity, total.avg_price
    _advance(order, before, "", now)


def _keep(
    source: str,
    event: str,
    broker_order_id: str,
    order: Order | None,
    digest: str,
    raw: Any,
    outcome: str,
    now: datetime,
) -> None:
    BrokerMessage.objects.create(
        source=source,
        event=event[:40],
        broker_order_id=broker_order_id[:64],
        order=order,
        digest=digest,
        payload=raw,
        outcome=outcome,
        received_at=now,
    )


def _digest(source: str, raw: Any, order: Order | None) -> str:
    """A repetition has the same; not so a message that came before we knew whose it was, and comes again after."""
    owner = order.pk if order else ""
    return hashlib.sha256(f"{source}:{owner}:{json.dumps(raw, sort_keys=True, default=str)}".encode()).hexdigest()
