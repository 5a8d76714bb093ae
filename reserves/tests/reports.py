"""Reserve reports, brought to any step by the services."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from accounts.models import User
from reserves import services
from reserves.models import ReserveReport

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
