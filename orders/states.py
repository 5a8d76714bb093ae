"""How an order moves, and how far it is. Pure."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_noop as _

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


class Resolution(models.TextChoices):
    """How an order that cannot be completed here was settled outside."""

    REFUNDED = "REFUNDED"  # the customer has their money back
    DELIVERED = "DELIVERED"  # the customer has the shares or tokens by another way


S = OrderStatus
WITHOUT_FILL = frozenset({S.REJECTED, S.CANCELLED, S.EXPIRED})
OPEN = frozenset({S.PENDING, S.SUBMITTING, S.SUBMITTED, S.PARTIALLY_FILLED})
LADDER = (S.FILLED, S.CUSTODY_CONFIRMED, S.MINT_CONFIRMED, S.SETTLED)

FINAL = frozenset({S.SETTLED, *WITHOUT_FILL})  # where an order stays unless a reorg or a late fill brings it back

CANCELLABLE = OPEN

ENDED: dict[BrokerPhase, OrderStatus | None] = {  # how an order ends with nothing filled
    BrokerPhase.FILLED: None,  # a contradiction: wait for the executions, or all of them were busted
    BrokerPhase.CANCELLED: S.CANCELLED,
    BrokerPhase.EXPIRED: S.EXPIRED,
    BrokerPhase.REJECTED: S.REJECTED,
}

MOVES: dict[str, frozenset[str]] = {
    S.PENDING: frozenset({S.SUBMITTING, S.CANCELLED}),  # cancelled before the broker heard of it
    S.SUBMITTING: frozenset({S.SUBMITTED, S.REJECTED, S.CANCELLED}),  # closed by two people as never placed
    S.SUBMITTED: frozenset({S.PARTIALLY_FILLED, S.FILLED, *WITHOUT_FILL}),
    S.PARTIALLY_FILLED: frozenset({S.FILLED, *WITHOUT_FILL}),  # out when busts took all of it back
    # Up by one; down by one when a block vanishes or a fill comes late (ADR 0003).
    S.FILLED: frozenset({S.CUSTODY_CONFIRMED}),
    S.CUSTODY_CONFIRMED: frozenset({S.MINT_CONFIRMED, S.FILLED}),
    S.MINT_CONFIRMED: frozenset({S.SETTLED, S.CUSTODY_CONFIRMED}),
    S.SETTLED: frozenset({S.MINT_CONFIRMED}),
    # A fill that crossed the cancel, or of an order that was told as rejected.
    S.CANCELLED: frozenset({S.FILLED}),
    S.EXPIRED: frozenset({S.FILLED}),
    S.REJECTED: frozenset({S.FILLED}),
}

STAGE: dict[str, str] = {  # the four steps a customer sees, and the ways out; translated where they are shown
    S.FILLED: _("Filled"),
    S.CUSTODY_CONFIRMED: _("In custody"),
    S.MINT_CONFIRMED: _("Minted"),
    S.SETTLED: _("Minted"),
    S.REJECTED: _("Rejected"),
    S.CANCELLED: _("Cancelled"),
    S.EXPIRED: _("Expired"),
}
FIRST_STAGE = _("Pending")

MINTING = "minting"  # the actor of moves that minting reports: it takes one back only when its block vanished
PUBLIC: dict[str, str] = {  # what integrators hear of a move, by the status it leads to
    S.PENDING: "order.accepted",
    S.SUBMITTING: "order.submitting",
    S.SUBMITTED: "order.submitted",
    S.PARTIALLY_FILLED: "order.partially_filled",
    S.FILLED: "order.filled",
    S.CUSTODY_CONFIRMED: "order.in_custody",
    S.MINT_CONFIRMED: "order.minted",
    S.SETTLED: "order.settled",
    S.REJECTED: "order.rejected",
    S.CANCELLED: "order.cancelled",
    S.EXPIRED: "order.expired",
}


def public_type(*, before: str, after: str, actor: str) -> str:
    """The public event of a move; a step down the ladder is a reorg's, or a late fill's."""
    if before in LADDER and after in LADDER and LADDER.index(S(after)) < LADDER.index(S(before)):
        return "order.reorged" if actor == MINTING else "order.late_fill"
    return PUBLIC[after]


def rung(*, filled: Decimal, in_custody: Decimal, minted: Decimal, settled: Decimal) -> OrderStatus:
    """How far a filled order is: as far as its slowest part.

    Where busts took all of it back, what is in custody is the measure: nothing is nowhere, not at the top.
    """
    whole = filled if filled > 0 else in_custody
    if whole <= 0:
        return S.FILLED
    if settled >= whole:
        return S.SETTLED
    if minted >= whole:
        return S.MINT_CONFIRMED
    if in_custody >= whole:
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
    if status not in (S.SUBMITTED, S.PARTIALLY_FILLED, *WITHOUT_FILL):
        return None
    ended = phase in ENDED
    if filled > 0 and (status in WITHOUT_FILL or (ended and filled == broker_filled)):
        return S.FILLED
    if status in WITHOUT_FILL:
        return None
    if filled > 0:
        return S.PARTIALLY_FILLED if status == S.SUBMITTED else None
    if ended and broker_filled == 0:
        was_busted = status == S.PARTIALLY_FILLED  # something was bought, and all of it was taken back
        return ENDED[BrokerPhase(phase)] or (S.CANCELLED if was_busted else None)
    return None
