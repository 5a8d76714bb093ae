"""Acts that take two people: proposed by one, approved by another, carried out at most once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import ProgrammingError, transaction
from django.utils.module_loading import import_string

from accounts.audit_chain import canonical
from accounts.errors import ProposalRefused
from accounts.models import Proposal, ProposalDecision, ProposalExecution, User
from accounts.models.proposals import APPROVED, DECLINED
from accounts.services.auditing import record_audit
from agora.lib.db import serializable
from agora.two_person import TWO_PERSON

GOOD_FOR = timedelta(hours=24)
RAISED = "P0001"  # PL/pgSQL's RAISE EXCEPTION


@transaction.atomic
def propose(
    *,
    action: str,
    subject: str,
    payload: Mapping[str, str],
    proposer: User,
    reason: str,
    now: datetime,
    good_for: timedelta = GOOD_FOR,
) -> Proposal:
    """Ask for a second person. KeyError: not in agora/two_person.py."""
    _ = TWO_PERSON[action]
    text = canonical(payload)
    proposal = Proposal.objects.create(
        action=action,
        subject=subject,
        payload=text,
        payload_hash=hash_of_payload(text),
        reason=reason,
        proposer=proposer,
        proposed_at=now,
        expires_at=now + good_for,
    )
    _record(proposal, "propose", proposer, reason, now)
    return proposal


def approve_proposal(*, proposal_id: UUID, approver: User, payload_hash: str, reason: str, now: datetime) -> None:
    """Another person's yes, to exactly what `payload_hash` says they were shown. Raises ProposalRefused."""
    _decide(proposal_id, APPROVED, approver, payload_hash, reason, now)


def decline_proposal(*, proposal_id: UUID, decliner: User, reason: str, now: datetime) -> None:
    """Another person's no, or the proposer's withdrawal. Raises ProposalRefused."""
    payload_hash = Proposal.objects.values_list("payload_hash", flat=True).get(pk=proposal_id)
    _decide(proposal_id, DECLINED, decliner, payload_hash, reason, now)


@serializable
def execute_proposal(*, proposal_id: UUID, executor: User, now: datetime) -> None:
    """Carry out what was approved, at most once: the mark and the effect commit together. Raises ProposalRefused.

    What the effect itself raises is let through, and nothing is marked: it may be tried again until it expires.
    """
    proposal = Proposal.objects.get(pk=proposal_id)
    if ProposalExecution.objects.filter(proposal=proposal).exists():
        raise ProposalRefused("It has been carried out already.")
    try:
        with transaction.atomic():
            ProposalExecution.objects.create(
                proposal=proposal, executed_by=executor, payload_hash=proposal.payload_hash, executed_at=now
            )
    except ProgrammingError as refusal:
        raise _refused(refusal) from refusal
    carry_out = import_string(TWO_PERSON[proposal.action])
    carry_out(
        **json.loads(proposal.payload),
        subject=proposal.subject,
        actor=f"staff:{executor.pk}",
        reason=proposal.reason,
        now=now,
    )
    _record(proposal, "execute", executor, "", now)


def hash_of_payload(payload: str) -> str:
    return hashlib.sha256(payload.encode()).hexdigest()


def _decide(proposal_id: UUID, verdict: str, user: User, payload_hash: str, reason: str, now: datetime) -> None:
    try:
        with transaction.atomic():
            proposal = Proposal.objects.get(pk=proposal_id)
            decision, is_new = ProposalDecision.objects.get_or_create(
                proposal=proposal,
                defaults={
                    "verdict": verdict,
                    "decided_by": user,
                    "payload_hash": payload_hash,
                    "reason": reason,
                    "decided_at": now,
                },
            )
            if not is_new:
                raise ProposalRefused(f"It was {decision.verdict.lower()} already.")
            _record(proposal, "approve" if verdict == APPROVED else "decline", user, reason, now)
    except ProgrammingError as refusal:
        raise _refused(refusal) from refusal


def _refused(refusal: ProgrammingError) -> Exception:
    """The database's own words, where a trigger of ours raised: they are written for people."""
    if getattr(refusal.__cause__, "sqlstate", "") != RAISED:
        return refusal
    first = str(refusal).splitlines()[0].removeprefix("agora: ")
    return ProposalRefused(f"{first[:1].upper()}{first[1:]}.")


def _record(proposal: Proposal, act: str, user: User, reason: str, now: datetime) -> None:
    record_audit(
        actor=f"staff:{user.pk}",
        action=f"proposal.{act}",
        subject=f"proposal:{proposal.pk}",
        after={"action": proposal.action, "of": proposal.subject, "payload_hash": proposal.payload_hash},
        reason=reason,
        now=now,
    )
