"""What stops whom: a set of owned reasons."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from accounts.states import CLOSED
from agora.lib.ids import new_id

YOUNG = timedelta(minutes=15)  # so long, who paused something may take it back alone


class Hold(models.Model):
    """An owned reason that stops an order, an asset, a customer, a step or everything. Release your own.

    What stops more than one order goes on again only by two people: the database wants the proposal that was carried
    out, but for one's own slip of a moment ago, and for what the identity check stopped.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # "order:<uuid>", "asset:AAPL", "customer:<uuid>", "buying", "buying:AAPL", "minting", "minting:AAPL", "everything"
    subject = models.CharField(max_length=80)
    owner = models.CharField(max_length=64)  # staff:<id>, shell:<login>, or a part of Agora
    reason = models.TextField()
    placed_at = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.CharField(max_length=64, blank=True)

    class Meta:
        permissions: ClassVar = [
            ("place_hold", "Can pause assets, customers, steps and everything"),
            ("release_hold", "Can propose that what is paused goes on"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject", "owner"], condition=Q(released_at=None), name="hold_one_an_owner"
            ),
            models.CheckConstraint(
                condition=Q(subject__in=["everything", "buying", "minting"])
                | Q(subject__regex=r"^(order|asset|customer|buying|minting):[^:]+$"),
                name="hold_subject_shape",
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gt=models.F("placed_at")), name="hold_until_after_placed"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["subject"], condition=Q(released_at=None), name="hold_active")]
        triggers: ClassVar = [
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="closed_for_good",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__owner=CLOSED),
            ),
            pgtrigger.ReadOnly(
                name="reason_is_fixed", fields=["id", "subject", "owner", "reason", "placed_at", "until"]
            ),
            pgtrigger.Protect(
                name="released_for_good",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__released_at__isnull=False),
            ),
            pgtrigger.Trigger(
                name="released_by_two",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__released_at__isnull=True, new__released_at__isnull=False),
                func=f"""
                    IF OLD.subject LIKE 'order:%'
                       OR (OLD.subject LIKE 'customer:%' AND OLD.owner !~ '^(staff|shell):')
                       OR OLD.until <= clock_timestamp() THEN
                        RETURN NEW;
                    END IF;
                    IF OLD.owner ~ '^(staff|shell):' AND NEW.released_by = OLD.owner
                       AND clock_timestamp() < OLD.placed_at + interval '{YOUNG.total_seconds():.0f} seconds' THEN
                        RETURN NEW;
                    END IF;
                    IF NOT EXISTS (
                        SELECT FROM accounts_proposal proposal
                        JOIN accounts_proposalexecution done ON done.proposal_id = proposal.id
                        WHERE proposal.action = 'hold.release' AND proposal.subject = 'hold:' || OLD.id
                    ) THEN
                        RAISE EXCEPTION 'agora: two people release this: propose it, and another approves';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}"

    @property
    def version(self) -> str:
        """What whoever acts on it was looking at."""
        return "" if self.released_at is None else "released"
