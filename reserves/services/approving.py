"""A report's way from draft to public: a second person approves it, the attestor signs it, staff publish it.

Each step is a fact of its own, tied to the hash of what it is about; the database refuses self-approval, another
content, a stale second factor, an old draft, and a report that does not follow the last one.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from accounts.services import record_audit
from agora.lib import crashpoints
from agora.lib.db import serializable
from agora.lib.errors import Rejected
from agora.lib.keyfiles import KeyFileRefused
from minting.selectors import token_of
from reserves.attestors import get_attestors
from reserves.attestors.reports import get_report_attestor, signer_of
from reserves.errors import ReportRefused, ReportUnknown, SecondFactorNeeded, SecondPersonNeeded
from reserves.models import (
    DRAFT_VALID,
    SECOND_FACTOR_FRESH,
    ReportApproval,
    ReportPublication,
    ReportSignature,
    ReserveReport,
)
from reserves.publishers import get_publisher

if TYPE_CHECKING:
    from accounts.models import User
NOT_YOURS = "You asked for this report: somebody else has to approve it."
OVERTAKEN = "Another report was published since this one was drafted: ask for a new one."


@serializable
def approve_report(
    *, report_id: UUID, signer: User, content_hash: str, second_factor_at: datetime, now: datetime, reason: str = ""
) -> ReportApproval:
    """A second person stands for the content of that hash; the attestor signs it within seconds.

    Raises ReportUnknown, ReportRefused, SecondPersonNeeded, SecondFactorNeeded.
    """
    report = ReserveReport.objects.select_related("request").filter(pk=report_id).first()
    if report is None:
        raise ReportUnknown
    if report.request.proposer_id == signer.pk:
        raise SecondPersonNeeded(NOT_YOURS)
    if not now - SECOND_FACTOR_FRESH <= second_factor_at <= now:
        raise SecondFactorNeeded("Give a new code of your second factor: the last one is older than five minutes.")
    if report.content_hash != content_hash:
        raise ReportRefused("What you were shown is not this report: open it again.")
    if refusal := approval_refusal(report=report, user=signer, now=now):
        raise ReportRefused(refusal)
    approval = ReportApproval.objects.create(
        report=report, signer=signer, content_hash=content_hash, second_factor_at=second_factor_at, approved_at=now
    )
    _record(report, "approve", signer, reason=reason, now=now)
    return approval


def sign_report(*, report_id: UUID, now: datetime) -> ReportSignature:
    """The attestor's signature on an approved report; the same one however often.

    Raises ReportRefused, KeyFileRefused, Rejected, Unavailable, Uncertain.
    """
    approval = ReportApproval.objects.select_related("report__asset").filter(report_id=report_id).first()
    if approval is None:
        raise ReportRefused("A report is signed after a second person has approved it.")
    signed = ReportSignature.objects.filter(approval=approval).first()
    if signed is not None:
        return signed
    report, attestor = approval.report, get_report_attestor()
    _check_own_key(attestor.address, symbol=report.asset.symbol)
    said = json.loads(report.content)
    signature = attestor.sign(said, report_hash=report.content_hash)
    if signer_of(said, report_hash=report.content_hash, signature=signature) != attestor.address:
        raise Rejected("the report's attestor gave a signature that is not its own")
    crashpoints.here("report.before_signature")
    return _keep_signature(approval=approval, attestor=attestor.address, signature=signature, now=now)


@serializable
def publish_report(*, report_id: UUID, publisher: User, now: datetime, reason: str = "") -> ReportPublication:
    """The next link of the asset's chain, for all to see. Raises ReportUnknown, ReportRefused."""
    report = ReserveReport.objects.select_related("publication").filter(pk=report_id).first()
    if report is None:
        raise ReportUnknown
    published = ReportPublication.objects.filter(report=report).first()
    if published is not None:
        return published
    if refusal := publication_refusal(report=report, now=now):
        raise ReportRefused(refusal)
    signature = ReportSignature.objects.get(approval__report=report)
    published = ReportPublication.objects.create(
        signature=signature,
        report=report,
        asset_id=report.asset_id,
        sequence=report.sequence,
        content_hash=report.content_hash,
        previous_hash=report.previous_hash,
        publisher=publisher,
        published_at=now,
    )
    _record(report, "publish", publisher, reason=reason, now=now)
    return published


def approval_refusal(*, report: ReserveReport, user: User, now: datetime) -> str:
    """Why this person cannot approve it as it stands; "": they can, with a fresh second factor."""
    if report.request.proposer_id == user.pk:
        return NOT_YOURS
    if ReportApproval.objects.filter(report=report).exists():
        return "This report is approved already."
    if now > report.drafted_at + DRAFT_VALID:
        return "This draft is older than a day: ask for a new one."
    return "" if _is_next(report) else OVERTAKEN


def publication_refusal(*, report: ReserveReport, now: datetime) -> str:
    """Why it cannot be published as it stands; "": it can."""
    signature = ReportSignature.objects.select_related("approval").filter(approval__report=report).first()
    if signature is None:
        return "This report is not signed yet."
    if ReportPublication.objects.filter(report=report).exists():
        return "This report is published already."
    if now > signature.approval.approved_at + DRAFT_VALID:
        return "The approval is older than a day: ask for a new report."
    return "" if _is_next(report) else OVERTAKEN


def _record(report: ReserveReport, act: str, user: User, *, reason: str, now: datetime) -> None:
    record_audit(
        actor=f"staff:{user.pk}",
        action=f"report.{act}",
        subject=f"report:{report.pk}",
        after={"content_hash": report.content_hash},
        reason=reason,
        now=now,
    )


def _is_next(report: ReserveReport) -> bool:
    last = ReportPublication.objects.filter(asset_id=report.asset_id).order_by("-sequence").first()
    return report.sequence == (last.sequence + 1 if last else 1)


def _check_own_key(address: str, *, symbol: str) -> None:
    """The report's attestor is nobody whose mistake it would have to find."""
    token = token_of(symbol=symbol)
    others = {token.minter} if token else set()
    with suppress(KeyFileRefused):  # theirs are not at hand: then they are not the same key
        others |= {attestor.address for attestor in get_attestors()}
    with suppress(KeyFileRefused):
        others.add(get_publisher().address)
    if address.lower() in {other.lower() for other in others}:
        raise ReportRefused("The report's attestor must have a key of its own: set REPORT_ATTESTOR_KEY_FILE.")


@serializable
def _keep_signature(*, approval: ReportApproval, attestor: str, signature: str, now: datetime) -> ReportSignature:
    row, _ = ReportSignature.objects.get_or_create(
        approval=approval, defaults={"attestor": attestor, "signature": signature, "signed_at": now}
    )
    return row
