"""Do the three books agree?"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from agora.lib.statemachine import append_only
from reserves.states import BreakKind


def shares_field() -> models.DecimalField:
    """Shares, or tokens at one a share: 18 decimals, for a supply may have dust that no share has."""
    return models.DecimalField(max_digits=40, decimal_places=18)


class ReconciliationRun(models.Model):
    """One comparison of one asset's books."""

    asset = models.ForeignKey("orders.Asset", on_delete=models.PROTECT, related_name="reconciliation_runs")
    as_of = models.DateTimeField()
    block_number = models.BigIntegerField()
    filled = shares_field()
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
    """A difference that is open until a later run no longer finds it."""

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

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.quantity}"
