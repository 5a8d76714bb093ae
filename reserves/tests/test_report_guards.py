"""What the database refuses of reserve reports, past every service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from agora.tests.rows import NOON, new_asset
from agora.tests.tables import unchanged
from reserves.models import (
    Break,
    BreakNote,
    LiabilityLeaf,
    LiabilityLevel,
    ReportApproval,
    ReportPublication,
    ReportRequest,
    ReportSetback,
    ReportSignature,
    ReserveLine,
    ReserveReport,
)
from reserves.report import NO_HASH
from reserves.tests.reports import staff

pytestmark = pytest.mark.django_db
SIGNATURE = "0x" + "ab" * 65


@contextmanager
def refused(words: str) -> Iterator[None]:
    with unchanged(), pytest.raises(DatabaseError, match=words), transaction.atomic():
        yield


@pytest.fixture
def report() -> ReserveReport:
    return _report()


def test_whoever_proposed_does_not_approve(report: ReserveReport) -> None:
    with refused("whoever proposed a report does not approve it"):
        _approval(report, signer=staff()[0])
    _approval(report)


def test_what_is_approved_is_what_was_drafted(report: ReserveReport) -> None:
    with refused("not what was drafted"):
        _approval(report, content_hash="0x" + "00" * 32)


@pytest.mark.parametrize("age", [timedelta(minutes=5, microseconds=1), timedelta(microseconds=-1)])
def test_a_second_factor_is_of_the_last_five_minutes(report: ReserveReport, age: timedelta) -> None:
    with refused("approval_second_factor_fresh"):
        _approval(report, second_factor_at=NOON - age)


def test_an_old_draft_is_not_approved(report: ReserveReport) -> None:
    late = NOON + timedelta(hours=24, seconds=1)
    with refused("too old to be approved"):
        _approval(report, approved_at=late, second_factor_at=late)


def test_a_report_is_approved_and_signed_once(report: ReserveReport) -> None:
    signature = _signature(_approval(report))
    with refused("report_id"):
        _approval(report)
    with refused("approval_id"):
        _signature(signature.approval)


def test_a_signature_is_65_bytes(report: ReserveReport) -> None:
    approval = _approval(report)
    with refused("report_signature_whole"):
        ReportSignature.objects.create(approval=approval, attestor="0x", signature="0x00", signed_at=NOON)


def test_only_a_signed_report_is_published_and_as_it_is(report: ReserveReport) -> None:
    other = _signature(_approval(_report(content="{}")))
    with refused("only a report that was signed"):
        _publication(report, other)
    signature = _signature(_approval(report))
    changes: list[dict[str, Any]] = [
        {"sequence": 2},
        {"content_hash": other.approval.content_hash},
        {"previous_hash": "0x" + "11" * 32},
        {"asset": new_asset("MSFT")},
        {"published_at": NOON + timedelta(hours=24, seconds=1)},
    ]
    for change in changes:
        with refused("only a report that was signed"):
            _publication(report, signature, **change)
    _publication(report, signature)


def test_reports_are_one_chain(report: ReserveReport) -> None:
    _publication(report, _signature(_approval(report)))
    rival = _report(content="{}")
    with refused("publication_"):
        _publication(rival, _signature(_approval(rival)))
    stray = _report(content="[]", sequence=2, previous_hash=rival.content_hash)
    with refused("follows the one that was published last"):
        _publication(stray, _signature(_approval(stray)))
    gap = _report(content="[1]", sequence=3, previous_hash=report.content_hash)
    with refused("follows the one that was published last"):
        _publication(gap, _signature(_approval(gap)))
    heir = _report(content="[2]", sequence=2, previous_hash=report.content_hash)
    _publication(heir, _signature(_approval(heir)))


def test_nothing_of_a_report_is_ever_changed_or_deleted(report: ReserveReport) -> None:
    ReserveLine.objects.create(report=report, name="filled", quantity=1, source="CHAIN", as_of=NOON)
    LiabilityLeaf.objects.create(report=report, index=0, address="0x", amount_wei=1)
    LiabilityLevel.objects.create(report=report, height=0, nodes=b"x")
    ReportSetback.objects.create(request=report.request, problem="no node answers", happened_at=NOON)
    _publication(report, _signature(_approval(report)))
    models = (
        *(ReportRequest, ReportSetback, ReserveReport, ReserveLine, LiabilityLeaf, LiabilityLevel),
        *(ReportApproval, ReportSignature, ReportPublication),
    )
    for model in models:
        with refused("Cannot update or delete"), connection.cursor() as cursor:
            cursor.execute(f"UPDATE {model._meta.db_table} SET {model._meta.pk.column} = {model._meta.pk.column}")
        with refused("Cannot update or delete"), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {model._meta.db_table}")


def test_a_leaf_is_positive_and_nobody_stands_there_twice(report: ReserveReport) -> None:
    LiabilityLeaf.objects.create(report=report, index=0, address="0xa", amount_wei=1)
    for fields, words in (
        ({"index": 1, "address": "0xa", "amount_wei": 1}, "leaf_once_a_holder"),
        ({"index": 0, "address": "0xb", "amount_wei": 1}, "leaf_once_a_place"),
        ({"index": 1, "address": "0xb", "amount_wei": 0}, "leaf_positive"),
        ({"index": 1, "address": "0xb", "amount_wei": -1}, "leaf_positive"),
    ):
        with refused(words):
            LiabilityLeaf.objects.create(report=report, **fields)


def test_a_break_stays_what_it_was_and_closes_once() -> None:
    row = Break.objects.create(asset=new_asset(), kind="VAULT_SHORT", quantity=1, opened_at=NOON, seen_at=NOON)
    with refused("Cannot delete"):
        row.delete()
    with refused("difference_is_fixed|Cannot update"):
        Break.objects.filter(pk=row.pk).update(kind="BROKER_OVER")
    Break.objects.filter(pk=row.pk).update(closed_at=NOON)
    with refused("Cannot update"):
        Break.objects.filter(pk=row.pk).update(closed_at=None)


def test_a_break_is_resolved_once_with_a_reason() -> None:
    row = Break.objects.create(asset=new_asset(), kind="BROKER_OVER", quantity=1, opened_at=NOON, seen_at=NOON)
    fields = {"subject": row, "action": "RESOLVED", "quantity": 1, "actor": staff()[0], "reason": "ours", "at": NOON}
    for change, words in (({"reason": ""}, "has_reason"), ({"quantity": None}, "whole"), ({"owner": "x"}, "whole")):
        with refused(words):
            BreakNote.objects.create(**{**fields, **change})
    note = BreakNote.objects.create(**fields)
    with refused("break_resolved_once"):
        BreakNote.objects.create(**fields)
    with refused("Cannot update or delete"):
        note.delete()


def _report(*, content: str = '{"a":1}', sequence: int = 1, previous_hash: str = NO_HASH) -> ReserveReport:
    asset = new_asset()
    request = ReportRequest.objects.create(asset=asset, proposer=staff()[0], requested_at=NOON)
    return ReserveReport.objects.create(
        request=request,
        asset=asset,
        sequence=sequence,
        previous_hash=previous_hash,
        block_number=1,
        content=content,
        content_hash=f"hash of {content}",
        liabilities_root="0x",
        total_wei=Decimal(1),
        holders=1,
        secret=b"s",
        drafted_at=NOON,
    )


def _approval(report: ReserveReport, **changes: Any) -> ReportApproval:
    signer: User = staff()[1]
    ours = {"signer": signer, "content_hash": report.content_hash, "second_factor_at": NOON, "approved_at": NOON}
    return ReportApproval.objects.create(report=report, **{**ours, **changes})


def _signature(approval: ReportApproval) -> ReportSignature:
    return ReportSignature.objects.create(approval=approval, attestor="0xa", signature=SIGNATURE, signed_at=NOON)


def _publication(report: ReserveReport, signature: ReportSignature, **changes: Any) -> ReportPublication:
    ours = {
        "asset": report.asset,
        "sequence": report.sequence,
        "content_hash": report.content_hash,
        "previous_hash": report.previous_hash,
        "publisher": staff()[1],
        "published_at": NOON,
    }
    return ReportPublication.objects.create(report=report, signature=signature, **{**ours, **changes})
