"""How an order moves, and how far it is. Pure."""

from __future__ import annotations

from decimal import Decimal

from django.db import models

from orders.brokers.base import BrokerPhase


class OrderStatus(models.TextChoices):
    PENDING = "PENDING"  # accepted by us
    SUBMITTING = "SUBMITTING"  # the broker is being told; it may or may not know
    SUBMITTED = "SUBMITTED"  # the broker has it
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"  # nothing more is expected to fill, and something did
    CUSTODY_CONFIRMED = "CUSTODY_CONFIRMED"
    MINT_CONFIRMED = "MINT_CONFIRMED"
    SETTLED = "SETTLED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


S = OrderStatus
WITHOUT_FILL = frozenset({S.REJECTED, S.CANCELLED, S.EXPIRED})
OPEN = frozenset({S.PENDING, S.SUBMITTING, S.SUBMITTED, S.PARTIALLY_FILLED})
LADDER = (S.FILLED, S.CUSTODY_CONFIRMED, S.MINT_CONFIRMED, S.SETTLED)

CANCELLABLE = OPEN

ENDED: dict[BrokerPhase, OrderStatus | None] = {  # how an order ends with nothing filled
    BrokerPhase.FILLED: None,  # a contradiction: wait for the executions
    BrokerPhase.CANCELLED: S.CANCELLED,
    BrokerPhase.EXPIRED: S.EXPIRED,
    BrokerPhase.REJECTED: S.REJECTED,
}

MOVES: dict[str, frozenset[str]] = {
    S.PENDING: frozenset({S.SUBMITTING, S.CANCELLED}),  # cancelled before the broker heard of it
    S.SUBMITTING: frozenset({S.SUBMITTED, S.REJECTED}),
    S.SUBMITTED: frozenset({S.PARTIALLY_FILLED, S.FILLED, *WITHOUT_FILL}),
    S.PARTIALLY_FILLED: frozenset({S.FILLED}),
    # Up by one; down by one when a block vanishes or a fill comes late (ADR 0003).
    S.FILLED: frozenset({S.CUSTODY_CONFIRMED}),
    S.CUSTODY_CONFIRMED: frozenset({S.MINT_CONFIRMED, S.FILLED}),
    S.MINT_CONFIRMED: frozenset({S.SETTLED, S.CUSTODY_CONFIRMED}),
    S.SETTLED: frozenset({S.MINT_CONFIRMED}),
    # A fill that crossed the cancel.
    S.CANCELLED: frozenset({S.FILLED}),
    S.EXPIRED: frozenset({S.FILLED}),
    S.REJECTED: frozenset(),
}

STAGE: dict[str, str] = {  # the four steps a customer sees, and the ways out
    S.FILLED: "Filled",
    S.CUSTODY_CONFIRMED: "In custody",
    S.MINT_CONFIRMED: "Minted",
    S.SETTLED: "Minted",
    S.REJECTED: "Rejected",
    S.CANCELLED: "Cancelled",
    S.EXPIRED: "Expired",
}


def rung(*, filled: Decimal, in_custody: Decimal, minted: Decimal, settled: Decimal) -> OrderStatus:
    """How far a filled order is: as far as its slowest part."""
    if settled >= filled:
        return S.SETTLED
    if minted >= filled:
        return S.MINT_CONFIRMED
    if in_custody >= filled:
        return S.CUSTODY_CONFIRMED
    return S.FILLED


def path(start: str, end: str) -> list[OrderStatus]:
    """The statuses to walk from one rung of the ladder to another, one at a time; empty when already there."""
    at, to = LADDER.index(OrderStatus(start)), LADDER.index(OrderStatus(end))
    step = 1 if to > at else -1
    return [LADDER[i] for i in range(at + step, to + step, step)] if at != to else []


def after_report(*, status: str, phase: str, filled: Decimal, broker_filled: Decimal) -> OrderStatus | None:
    """Where the broker's word and the executions we hold take an order that is not on the ladder yet; None: nowhere.

    An order ends only when our sum of executions equals the broker's own: neither is believed alone.
    """
    ended = phase in ENDED
    if filled > 0 and (status in WITHOUT_FILL or (ended and filled == broker_filled)):
        return S.FILLED
    if status in WITHOUT_FILL:
        return None
    if filled > 0:
        return S.PARTIALLY_FILLED if status == S.SUBMITTED else None
    if ended and broker_filled == 0:
        return ENDED[BrokerPhase(phase)]
    return None
