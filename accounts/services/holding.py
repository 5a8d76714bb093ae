"""Releasing holds by staff: one's own alone, another's with a second person."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.errors import HoldNotReleasable
from accounts.models import Hold, Proposal, User
from accounts.services.people import release_hold
from accounts.services.proposing import propose
from accounts.states import CLOSED


@transaction.atomic
def release_own_hold(*, hold_id: UUID, actor: str, reason: str, now: datetime) -> None:
    """Raises HoldNotReleasable."""
    hold = _active(hold_id)
    if hold.owner != actor:
        raise HoldNotReleasable(f"{hold.owner} placed it: propose to release it.")
    release_hold(subject=hold.subject, owner=hold.owner, actor=actor, reason=reason, now=now)


@transaction.atomic
def propose_release(*, hold_id: UUID, proposer: User, reason: str, now: datetime) -> Proposal:
    """What the hold keeps from happening may move money or tokens: somebody else approves. Raises HoldNotReleasable."""
    hold = _active(hold_id)
    payload = {"on": hold.subject, "owner": hold.owner, "placed_at": hold.placed_at.isoformat()}
    return propose(
        action="hold.release", subject=f"hold:{hold.pk}", payload=payload, proposer=proposer, reason=reason, now=now
    )


@transaction.atomic
def release_anothers_hold(
    *, subject: str, on: str, owner: str, placed_at: str, actor: str, reason: str, now: datetime
) -> None:
    """What an approved proposal carries out: this hold, if it is the one that was shown. Raises HoldNotReleasable."""
    hold = _active(UUID(subject.partition(":")[2]))
    if (hold.subject, hold.owner, hold.placed_at.isoformat()) != (on, owner, placed_at):
        raise HoldNotReleasable("It is not the hold that was proposed to be released.")
    release_hold(subject=hold.subject, owner=hold.owner, actor=actor, reason=reason, now=now)


def _active(hold_id: UUID) -> Hold:
    hold = Hold.objects.select_for_update().get(pk=hold_id)
    if hold.owner == CLOSED:
        raise HoldNotReleasable("The order was closed for good.")
    if hold.released_at:
        raise HoldNotReleasable("It was released already.")
    return hold
