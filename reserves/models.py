"""Do the three books agree, and who said so on-chain?"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from agora.lib.ids import new_id
from agora.lib.statemachine import append_only
from reserves.states import BreakAction, BreakKind, FigureName, Source

SECOND_FACTOR_FRESH = timedelta(minutes=5)  # how old a second factor may be when it approves a report
DRAFT_VALID = timedelta(hours=24)  # a draft is approved, and an approval published, within this time


def shares_field() -> models.DecimalField:
    """Shares, or tokens at one a share: 18 decimals, for a supply may have dust that no share has."""
    return models.DecimalField(max_digits=40, decimal_places=18)


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


class ReportRequest(models.Model):
    """A report that somebody asked for. Whoever has the vendors' keys drafts it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    asset = models.ForeignKey("orders.Asset", on_delete=models.PROTECT, related_name="report_requests")
    proposer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = append_only()


class ReserveReport(models.Model):
    """A report as drafted. It never changes: what staff approve, the attestor signs and the public reads is `content`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    request = models.OneToOneField(ReportRequest, on_delete=models.PROTECT, related_name="report")
    asset = models.ForeignKey("orders.Asset", on_delete=models.PROTECT, related_name="reserve_reports")
    sequence = models.PositiveIntegerField()  # of the publication that this can become
    previous_hash = models.CharField(max_length=66)
    block_number = models.BigIntegerField()
    content = models.TextField()  # canonical JSON
    content_hash = models.CharField(max_length=66, unique=True)  # sha256 of it
    liabilities_root = models.CharField(max_length=66)
    total_wei = models.DecimalField(max_digits=78, decimal_places=0)
    holders = models.PositiveIntegerField()
    secret = models.BinaryField()  # of the leaves' salts; never published
    drafted_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["asset", "-drafted_at"], name="report_latest")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(sequence__gt=0), name="report_sequence_positive"),
            models.CheckConstraint(condition=Q(holders__gt=0, total_wei__gt=0), name="report_owes_somebody"),
        ]
        triggers: ClassVar = append_only()

    def __str__(self) -> str:
        return f"report {self.sequence}"


class ReserveLine(models.Model):
    """One figure of a report, as `content` has it: here to be listed and compared."""

    report = models.ForeignKey(ReserveReport, on_delete=models.PROTECT, related_name="lines")
    name = models.CharField(max_length=24, choices=FigureName.choices)
    quantity = shares_field()
    source = models.CharField(max_length=16, choices=Source.choices)
    as_of = models.DateTimeField()

    class Meta:
        ordering = ("pk",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["report", "name"], name="line_once_a_report")]
        triggers: ClassVar = append_only()


class LiabilityLeaf(models.Model):
    """What one holder is owed, and their place in the report's tree."""

    report = models.ForeignKey(ReserveReport, on_delete=models.PROTECT, related_name="leaves")
    index = models.PositiveIntegerField()
    address = models.CharField(max_length=42)
    amount_wei = models.DecimalField(max_digits=78, decimal_places=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["report", "index"], name="leaf_once_a_place"),
            models.UniqueConstraint(fields=["report", "address"], name="leaf_once_a_holder"),
            models.CheckConstraint(condition=Q(amount_wei__gt=0), name="leaf_positive"),
        ]
        triggers: ClassVar = append_only()


class LiabilityLevel(models.Model):
    """One level of a report's tree: entries of 64 bytes, so that a proof is one short read a level."""

    report = models.ForeignKey(ReserveReport, on_delete=models.PROTECT, related_name="levels")
    height = models.PositiveSmallIntegerField()
    nodes = models.BinaryField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["report", "height"], name="level_once_a_height")]
        triggers: ClassVar = append_only()


class ReportApproval(models.Model):
    """A second person, with a fresh second factor, stands for exactly this content."""

    report = models.OneToOneField(ReserveReport, on_delete=models.PROTECT, related_name="approval")
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    content_hash = models.CharField(max_length=66)
    second_factor_at = models.DateTimeField()
    approved_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(second_factor_at__lte=F("approved_at"))
                & Q(approved_at__lte=F("second_factor_at") + SECOND_FACTOR_FRESH),
                name="approval_second_factor_fresh",
            )
        ]
        triggers: ClassVar = [
            *append_only(),
            pgtrigger.Trigger(
                name="second_person",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("drafted", "RECORD")],
                func=f"""
                    SELECT request.proposer_id, report.content_hash, report.drafted_at INTO drafted
                    FROM reserves_reservereport report JOIN reserves_reportrequest request
                    ON request.id = report.request_id WHERE report.id = NEW.report_id;
                    IF drafted.proposer_id = NEW.signer_id THEN
                        RAISE EXCEPTION 'agora: whoever proposed a report does not approve it';
                    END IF;
                    IF drafted.content_hash <> NEW.content_hash THEN
                        RAISE EXCEPTION 'agora: what is approved is not what was drafted';
                    END IF;
                    IF NEW.approved_at > drafted.drafted_at + interval '{DRAFT_VALID.total_seconds():.0f} seconds' THEN
                        RAISE EXCEPTION 'agora: the draft is too old to be approved';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]


class ReportSignature(models.Model):
    """The attestor's EIP-712 signature over an approved report."""

    approval = models.OneToOneField(ReportApproval, on_delete=models.PROTECT, related_name="signature")
    attestor = models.CharField(max_length=42)
    signature = models.CharField(max_length=132)
    signed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(signature__regex=r"^0x[0-9a-f]{130}$"), name="report_signature_whole"),
        ]
        triggers: ClassVar = append_only()


class ReportPublication(models.Model):
    """A signed report made public: the next link of its asset's chain."""

    signature = models.OneToOneField(ReportSignature, on_delete=models.PROTECT, related_name="publication")
    report = models.OneToOneField(ReserveReport, on_delete=models.PROTECT, related_name="publication")
    asset = models.ForeignKey("orders.Asset", on_delete=models.PROTECT, related_name="report_publications")
    sequence = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=66)
    previous_hash = models.CharField(max_length=66)
    publisher = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["asset", "sequence"], name="publication_sequence_once"),
            models.UniqueConstraint(fields=["asset", "previous_hash"], name="publication_follows_once"),
        ]
        triggers: ClassVar = [
            *append_only(),
            pgtrigger.Trigger(
                name="next_link",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func=f"""
                    IF NOT EXISTS (
                        SELECT FROM reserves_reservereport report
                        JOIN reserves_reportapproval approval ON approval.report_id = report.id
                        JOIN reserves_reportsignature signed ON signed.approval_id = approval.id
                        WHERE report.id = NEW.report_id AND signed.id = NEW.signature_id
                          AND (report.asset_id, report.sequence, report.content_hash, report.previous_hash)
                            = (NEW.asset_id, NEW.sequence, NEW.content_hash, NEW.previous_hash)
                          AND NEW.published_at
                            <= approval.approved_at + interval '{DRAFT_VALID.total_seconds():.0f} seconds'
                    ) THEN
                        RAISE EXCEPTION 'agora: only a report that was signed lately is published, and as it is';
                    END IF;
                    IF NEW.sequence > 1 AND NOT EXISTS (
                        SELECT FROM reserves_reportpublication before WHERE before.asset_id = NEW.asset_id
                          AND (before.sequence, before.content_hash) = (NEW.sequence - 1, NEW.previous_hash)
                    ) THEN
                        RAISE EXCEPTION 'agora: a report follows the one that was published last';
                    END IF;
                    RETURN NEW;
                """,  # noqa: S608 - a constant of ours
            ),
        ]
