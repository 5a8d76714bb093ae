"""Releasing a hold of one's own on an order. What stops more than one order: accounts.services.pausing."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.errors import HoldNotReleasable
from accounts.models import Hold
from accounts.services.people import release_hold


@transaction.atomic
def release_own_hold(*, hold_id: UUID, actor: str, reason: str, now: datetime) -> None:
    """Raises HoldNotReleasable."""
    hold = Hold.objects.select_for_update().get(pk=hold_id)
    if problem := own_release_refusal(hold=hold, actor=actor):
        raise HoldNotReleasable(problem)
    release_hold(subject=hold.subject, owner=hold.owner, actor=actor, reason=reason, now=now)


def own_release_refusal(*, hold: Hold, actor: str) -> str:
    """Why this person may not release this hold alone; "": they may."""
    if hold.released_at:
        return "It was released already."
    if hold.owner != actor:
        return f"{hold.owner} placed it: propose its release."
    if not hold.subject.startswith("order:"):
        return "It stops more than one order: propose its release."
    return ""
