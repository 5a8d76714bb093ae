"""What one person proposes and another approves. Three kinds of facts; the database refuses every other way."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Func, Q, TextField

from accounts.models.people import User
from agora.lib.ids import new_id
from agora.lib.statemachine import append_only

APPROVED, DECLINED = "APPROVED", "DECLINED"


class _Sha256Hex(Func):
    template = "encode(sha256(convert_to(%(expressions)s, 'UTF8')), 'hex')"
    output_field = TextField()


class Proposal(models.Model):
    """Exactly what is to be done, as canonical JSON. Whoever approves, approves its hash."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    action = models.CharField(max_length=64)  # one of agora/two_person.py
    subject = models.CharField(max_length=120)  # customer:<uuid>
    payload = models.TextField()
    payload_hash = models.CharField(max_length=64)  # sha256 of the payload's UTF-8
    reason = models.TextField()
    proposer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="proposals")
    proposed_at = models.DateTimeField()
    expires_at = models.DateTimeField()  # to be approved and carried out by then

    class Meta:
        permissions: ClassVar = [("decide_proposal", "Can approve or decline what another proposed")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(payload_hash=_Sha256Hex(F("payload"))), name="proposal_hash_is_payloads"
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("proposed_at")), name="proposal_expires_later"),
            models.CheckConstraint(condition=~Q(reason=""), name="proposal_has_a_reason"),
        ]
        triggers: ClassVar = append_only()

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"

    @property
    def version(self) -> str:
        """What an approver's page was about."""
        return self.payload_hash

    @property
    def verdict(self) -> str:
        """ "" while nobody decided."""
        decision = ProposalDecision.objects.filter(proposal=self).first()
        return decision.verdict if decision else ""

    @property
    def is_executed(self) -> bool:
        return ProposalExecution.objects.filter(proposal=self).exists()


class ProposalDecision(models.Model):
    """Another person's word on it, once. The proposer may withdraw, never approve."""

    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="decision")
    verdict = models.CharField(max_length=8, choices=[(APPROVED, APPROVED), (DECLINED, DECLINED)])
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="proposal_decisions")
    payload_hash = models.CharField(max_length=64)  # of what they were shown
    reason = models.TextField(blank=True)
    decided_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(verdict__in=[APPROVED, DECLINED]), name="decision_verdict_known"),
        ]
        triggers: ClassVar = [
            *append_only(),
            pgtrigger.Trigger(
                name="by_another_in_time_of_the_same",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("proposal", "accounts_proposal%ROWTYPE")],
                func=pgtrigger.Func("""
                    SELECT * INTO STRICT proposal FROM accounts_proposal WHERE id = NEW.proposal_id;
                    IF NEW.payload_hash <> encode(sha256(convert_to(proposal.payload, 'UTF8')), 'hex') THEN
                        RAISE EXCEPTION 'agora: the decision is on another payload';
                    END IF;
                    IF NEW.verdict = 'APPROVED' AND NEW.decided_by_id = proposal.proposer_id THEN
                        RAISE EXCEPTION 'agora: nobody approves what they proposed';
                    END IF;
                    IF NEW.verdict = 'APPROVED'
                       AND greatest(NEW.decided_at, clock_timestamp()) >= proposal.expires_at THEN
                        RAISE EXCEPTION 'agora: the proposal has expired';
                    END IF;
                    RETURN NEW;
                """),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.decided_by_id}"


class ProposalExecution(models.Model):
    """It was carried out, once: this row commits with the effect."""

    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="execution")
    executed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="proposal_executions")
    payload_hash = models.CharField(max_length=64)
    executed_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = [
            *append_only(),
            pgtrigger.Trigger(
                name="as_approved_and_in_time",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("proposal", "accounts_proposal%ROWTYPE"), ("decision", "accounts_proposaldecision%ROWTYPE")],
                func=pgtrigger.Func("""
                    SELECT * INTO STRICT proposal FROM accounts_proposal WHERE id = NEW.proposal_id;
                    SELECT * INTO decision FROM accounts_proposaldecision WHERE proposal_id = NEW.proposal_id;
                    IF decision.verdict IS DISTINCT FROM 'APPROVED' OR decision.decided_by_id = proposal.proposer_id
                    THEN
                        RAISE EXCEPTION 'agora: nobody else has approved this';
                    END IF;
                    IF NEW.payload_hash <> decision.payload_hash
                       OR NEW.payload_hash <> encode(sha256(convert_to(proposal.payload, 'UTF8')), 'hex') THEN
                        RAISE EXCEPTION 'agora: another payload was approved';
                    END IF;
                    IF greatest(NEW.executed_at, clock_timestamp()) >= proposal.expires_at THEN
                        RAISE EXCEPTION 'agora: the approval has expired';
                    END IF;
                    RETURN NEW;
                """),
            ),
        ]

    def __str__(self) -> str:
        return f"carried out {self.executed_at:%Y-%m-%d %H:%M}"
