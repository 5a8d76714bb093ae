"""What takes two people: see it, approve it, decline it, carry it out."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils import timezone

from accounts import services
from accounts.models import Proposal, ProposalDecision, ProposalExecution
from agora.lib.admin import Act, ReadOnlyInline, ReasonedAction, ReasonedAdmin

DECIDE = "accounts.decide_proposal"


def _may_approve(row: Proposal, user: Any) -> str:
    return _may_decline(row, user) or (
        "You proposed this: somebody else approves it." if row.proposer_id == user.pk else ""
    )


def _may_decline(row: Proposal, user: Any) -> str:
    if row.verdict:
        return f"It was {row.verdict.lower()} already."
    return "It has expired." if row.expires_at <= timezone.now() else ""


def _may_execute(row: Proposal, user: Any) -> str:
    if row.is_executed:
        return "It has been carried out."
    if row.verdict != "APPROVED":
        return "Nobody else has approved it."
    return "The approval has expired." if row.expires_at <= timezone.now() else ""


def _approve(row: Proposal, act: Act) -> None:
    """The yes is committed first: killed after it, what was approved can still be carried out, once."""
    services.approve_proposal(
        proposal_id=row.pk, approver=act.user, payload_hash=row.payload_hash, reason=act.reason, now=act.now
    )
    _execute(row, act)


def _decline(row: Proposal, act: Act) -> None:
    services.decline_proposal(proposal_id=row.pk, decliner=act.user, reason=act.reason, now=act.now)


def _execute(row: Proposal, act: Act) -> None:
    services.execute_proposal(proposal_id=row.pk, executor=act.user, now=act.now)


def _says(row: Proposal) -> list[str]:
    return [
        f"{row.action} of {row.subject}, with exactly {row.payload}",
        f"Proposed by {row.proposer} because: {row.reason}",
        f"sha256 of the payload: {row.payload_hash}",
    ]


class DecisionInline(ReadOnlyInline):
    model = ProposalDecision


class ExecutionInline(ReadOnlyInline):
    model = ProposalExecution


@admin.register(Proposal)
class ProposalAdmin(ReasonedAdmin):
    list_display = ("proposed_at", "action", "subject", "proposer", "expires_at", "state")
    list_filter = ("action", ("decision", admin.EmptyFieldListFilter))
    list_select_related = ("proposer", "decision", "execution")
    search_fields = ("=id", "=subject")
    ordering = ("-proposed_at",)
    inlines = (DecisionInline, ExecutionInline)
    reasoned_actions = (
        ReasonedAction(
            name="approve",
            title="Approve and carry out",
            permission=DECIDE,
            run=_approve,
            refusal=_may_approve,
            preview=_says,
            is_dangerous=True,
        ),
        ReasonedAction(
            name="decline", title="Decline", permission=DECIDE, run=_decline, refusal=_may_decline, preview=_says
        ),
        ReasonedAction(
            name="execute",
            title="Carry out",
            permission=DECIDE,
            run=_execute,
            refusal=_may_execute,
            preview=_says,
            is_dangerous=True,
        ),
    )

    @admin.display(description="State")
    def state(self, row: Proposal) -> str:
        return "CARRIED OUT" if row.is_executed else row.verdict or "OPEN"
