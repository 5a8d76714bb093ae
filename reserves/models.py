"""Do the three books agree, and who said so on-chain?"""

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


class ReserveAttestation(models.Model):
    """A signed report of reserves and the transaction that brings it, kept before it was broadcast."""

    token = models.ForeignKey("minting.Token", on_delete=models.PROTECT, related_name="attestations")
    chain_id = models.BigIntegerField()
    oracle = models.CharField(max_length=42)
    sequence = models.PositiveBigIntegerField()
    reserves_wei = models.DecimalField(max_digits=34, decimal_places=0)  # uint112
    as_of = models.DateTimeField()  # by the chain's clock
    valid_until = models.DateTimeField()
    threshold = models.PositiveSmallIntegerField()
    signatures = models.JSONField()  # [{"attestor": "0x…", "signature": "0x…"}], attestors ascending
    publisher = models.CharField(max_length=42)
    nonce = models.PositiveBigIntegerField()
    raw = models.BinaryField()
    tx_hash = models.CharField(max_length=66, unique=True)
    prepared_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["token", "sequence"], name="attestation_sequence_once"),
            models.UniqueConstraint(fields=["chain_id", "publisher", "nonce"], name="attestation_nonce_once"),
            models.CheckConstraint(
                condition=Q(valid_until__gt=models.F("as_of")), name="attestation_valid_for_a_while"
            ),
            models.CheckConstraint(condition=Q(threshold__gt=0), name="attestation_threshold_positive"),
        ]
        triggers: ClassVar = append_only()

    def __str__(self) -> str:
        return f"report {self.sequence}"


class AttestationOutcome(models.Model):
    """What became of a report in a block: accepted, or refused for good. A reorg may add a second one."""

    attestation = models.ForeignKey(ReserveAttestation, on_delete=models.PROTECT, related_name="outcomes")
    accepted = models.BooleanField()
    block_number = models.BigIntegerField(null=True, blank=True)
    block_hash = models.CharField(max_length=66, blank=True)
    reason = models.TextField(blank=True)
    seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["attestation", "block_hash"], name="outcome_once_a_block"),
        ]
        triggers: ClassVar = append_only()
