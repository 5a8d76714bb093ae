"""Reserve reports: what was drafted, who stood for it, and what is public. Facts, all of them."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from agora.lib.ids import new_id
from agora.lib.statemachine import append_only
from reserves.models.fields import shares_field
from reserves.states import FigureName, Source

SECOND_FACTOR_FRESH = timedelta(minutes=5)  # how old a second factor may be when it approves a report
REQUEST_VALID = timedelta(minutes=15)  # a request that could not be drafted by then is given up
DRAFT_VALID = timedelta(hours=24)  # a draft is approved, and an approval published, within this time


class ReportRequest(models.Model):
    """A report that somebody asked for. Whoever has the vendors' keys drafts it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    asset = models.ForeignKey("orders.Asset", on_delete=models.PROTECT, related_name="report_requests")
    proposer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = append_only()


class ReportSetback(models.Model):
    """Why a report that was asked for was not drafted, or an approved one not signed; one row a change of reason."""

    request = models.ForeignKey(ReportRequest, on_delete=models.PROTECT, related_name="setbacks")
    problem = models.CharField(max_length=500)
    happened_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["request", "-happened_at"], name="setback_latest")]
        triggers: ClassVar = append_only()

    def __str__(self) -> str:
        return self.problem


class ReserveReport(models.Model):
    """A report as drafted, for good. What staff approve, the attestor signs and the public reads is `content`."""

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
        permissions: ClassVar = [
            ("propose_reservereport", "Can ask for a report"),
            ("approve_reservereport", "Can approve what another asked for"),
            ("publish_reservereport", "Can publish a signed report"),
        ]
        indexes: ClassVar = [models.Index(fields=["asset", "-drafted_at"], name="report_latest")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(sequence__gt=0), name="report_sequence_positive"),
            models.CheckConstraint(condition=Q(holders__gt=0, total_wei__gt=0), name="report_owes_somebody"),
        ]
        triggers: ClassVar = append_only()

    def __str__(self) -> str:
        return f"report {self.sequence}"

    @property
    def version(self) -> str:
        """What an approver's page was about."""
        return self.content_hash


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

    report = models.ForeignKey(ReserveReport, on_delete=models.PROTECT, related_name="leaves", db_index=False)
    index = models.PositiveIntegerField()
    address = models.CharField(max_length=42)  # in lower case: a million checksums are half a minute
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
                """,  # noqa: S608 - a constant of ours
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
