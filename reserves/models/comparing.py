"""Do the three books agree, and what was done about it where they do not?"""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from agora.lib.statemachine import append_only
from reserves.models.fields import shares_field
from reserves.states import BreakAction, BreakKind


class ReconciliationRun(models.Model):
    """One comparison of one asset's books."""

    asset = models.ForeignKey("orders.Asset", on_delete=models.PROTECT, related_name="reconciliation_runs")
    as_of = models.DateTimeField()
    block_number = models.BigIntegerField()  # the settled block that chain figures are of
    block_hash = models.CharField(max_length=66, blank=True)  # "": a run from before it was kept
    filled = shares_field()
    broker_position = models.DecimalField(max_digits=40, decimal_places=18, null=True, blank=True)
    in_custody = shares_field()
    vault_balance = shares_field()
    minted = shares_field()
    supply = shares_field()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["asset", "-as_of"], name="run_latest")]
        triggers: ClassVar = append_only()

    def __str__(self) -> str:
        return f"run {self.pk}"


class Break(models.Model):
    """A difference that is open until a later run no longer finds it, or staff explain it."""

    asset = models.ForeignKey("orders.Asset", on_delete=models.PROTECT, related_name="breaks")
    kind = models.CharField(max_length=24, choices=BreakKind.choices)
    quantity = shares_field()  # when it was last seen
    opened_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["asset", "kind"], condition=Q(closed_at=None), name="break_open_once"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="difference_is_fixed", fields=["asset", "kind", "opened_at"]),
            pgtrigger.Protect(
                name="closed_for_good",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__closed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.quantity}"


class BreakNote(models.Model):
    """Who looks after a break, and what it turned out to be."""

    subject = models.ForeignKey(Break, on_delete=models.PROTECT, related_name="notes")
    action = models.CharField(max_length=12, choices=BreakAction.choices)
    owner = models.CharField(max_length=150, blank=True)  # ASSIGNED: a user's name
    quantity = models.DecimalField(max_digits=40, decimal_places=18, null=True, blank=True)  # RESOLVED: explained
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    at = models.DateTimeField()

    class Meta:
        ordering = ("pk",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subject"], condition=Q(action="RESOLVED"), name="break_resolved_once"),
            models.CheckConstraint(condition=~Q(reason=""), name="break_note_has_reason"),
            models.CheckConstraint(
                condition=Q(action="ASSIGNED", quantity=None) & ~Q(owner="")
                | Q(action="RESOLVED", quantity__isnull=False, owner=""),
                name="break_note_whole",
            ),
        ]
        triggers: ClassVar = append_only()
