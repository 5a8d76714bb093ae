"""Reserve reports, brought to any step by the services; and rows of them, without a chain."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from accounts.models import User
from agora.tests.rows import new_asset
from reserves import services
from reserves.models import ReportSignature, ReserveLine, ReserveReport
from reserves.report import NO_HASH, SOURCES, canonical, content_hash, moment

PROPOSER, SIGNER = "paula", "sven"


def staff() -> tuple[User, User]:
    """Whoever proposes, and whoever approves."""
    return (User.objects.get_or_create(username=PROPOSER)[0], User.objects.get_or_create(username=SIGNER)[0])


def drafted(symbol: str = "AAPL") -> ReserveReport:
    now = timezone.now()
    request = services.propose_report(symbol=symbol, proposer=staff()[0], now=now)
    return services.draft_report(request_id=request.pk, now=now)


def approve(report: ReserveReport, *, by: User, now: datetime, second_factor_at: datetime | None = None) -> None:
    services.approve_report(
        report_id=report.pk,
        signer=by,
        content_hash=report.content_hash,
        second_factor_at=second_factor_at or now,
        now=now,
    )


def published(symbol: str = "AAPL") -> ReserveReport:
    report, now, signer = drafted(symbol), timezone.now(), staff()[1]
    approve(report, by=signer, now=now)
    services.sign_report(report_id=report.pk, now=now)
    services.publish_report(report_id=report.pk, publisher=signer, now=now)
    return report


def drafted_row(*, ratio: str = "1.0000") -> ReserveReport:
    """A draft of one share, as it would be of a chain that is not there."""
    now, symbol = timezone.now(), new_asset().symbol
    request = services.propose_report(symbol=symbol, proposer=staff()[0], now=now)
    figures = [
        {"name": name.value, "quantity": "1", "source": source.value, "as_of": moment(now)}
        for name, source in SOURCES.items()
    ]
    said = {
        "asset": symbol,
        "sequence": 1,
        "block_number": 7,
        "figures": figures,
        "ratio": ratio,
        "liabilities": {"holders": 1},
    }
    text = canonical(said)
    report = ReserveReport.objects.create(
        request=request,
        asset=request.asset,
        sequence=1,
        previous_hash=NO_HASH,
        block_number=7,
        content=text,
        content_hash=content_hash(text),
        liabilities_root=NO_HASH,
        total_wei=Decimal(10) ** 18,
        holders=1,
        secret=b"s" * 32,
        drafted_at=now,
    )
    ReserveLine.objects.bulk_create(
        ReserveLine(report=report, name=name, quantity=Decimal(1), source=source, as_of=now)
        for name, source in SOURCES.items()
    )
    return report


def signed_row() -> ReserveReport:
    report, now = drafted_row(), timezone.now()
    approve(report, by=staff()[1], now=now)
    ReportSignature.objects.create(
        approval=report.approval, attestor="0x" + "1" * 40, signature="0x" + "1" * 130, signed_at=now
    )
    return report
