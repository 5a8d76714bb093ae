"""Who said on-chain what is in custody?"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from agora.lib.statemachine import append_only


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
