"""What was paused goes on, as two people let it."""

from __future__ import annotations

from django.utils import timezone

from accounts.models import Hold, User
from accounts.services import approve_proposal, execute_proposal, propose_release


def release_by_two(hold: Hold) -> None:
    proposer, approver = (User.objects.get_or_create(username=name)[0] for name in ("pia", "quim"))
    now = timezone.now()
    asked = propose_release(hold_id=hold.pk, proposer=proposer, reason="it is over", now=now)
    approve_proposal(
        proposal_id=asked.pk, approver=approver, payload_hash=asked.payload_hash, reason="seen", now=timezone.now()
    )
    execute_proposal(proposal_id=asked.pk, executor=approver, now=timezone.now())
