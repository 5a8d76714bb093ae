"""Reads for the desk of reserve reports: what was asked for, and the files of a report at any step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, Subquery

from reserves.errors import ReportUnknown
from reserves.models import REQUEST_VALID, ReportRequest, ReportSetback, ReserveReport
from reserves.report import as_csv
from reserves.selectors.reporting import MEDIA, report, report_file

DRAFT_FILES = ("report.json", "report.csv", "report.pdf")
PUBLIC_FILES = (*DRAFT_FILES, "package.zip")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """A report that was asked for and is not drafted."""

    symbol: str
    proposer: str
    requested_at: datetime
    is_given_up: bool
    problem: str  # what stood in its way last; "" when nothing did


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    name: str
    content: bytes
    media: str


def open_requests(*, now: datetime) -> list[OpenRequest]:
    """Of the last day, oldest first."""
    last_problem = Subquery(
        ReportSetback.objects.filter(request=OuterRef("pk")).order_by("-happened_at").values("problem")[:1]
    )
    rows = ReportRequest.objects.filter(report=None, requested_at__gt=now - 96 * REQUEST_VALID)
    return [
        OpenRequest(
            symbol=row.asset.symbol,
            proposer=row.proposer.get_username(),
            requested_at=row.requested_at,
            is_given_up=now > row.requested_at + REQUEST_VALID,
            problem=row.problem or "",
        )
        for row in rows.select_related("asset", "proposer").annotate(problem=last_problem).order_by("requested_at")
    ]


def staff_files(*, report_id: UUID) -> tuple[str, ...]:
    """The whole package belongs to a published report; before, there is what would be in it."""
    return PUBLIC_FILES if report(report_id=report_id).status == "published" else DRAFT_FILES


def staff_file(*, report_id: UUID, name: str) -> File:
    """Raises ReportUnknown."""
    from reserves.pdf import as_pdf  # here: reportlab is 13 MiB that nobody else needs

    facts = report(report_id=report_id)
    if name not in staff_files(report_id=report_id):
        raise ReportUnknown
    full_name = f"{facts.symbol}-{facts.sequence}-{facts.status}-{name}"
    if facts.status == "published":
        content, media = report_file(symbol=facts.symbol, sequence=facts.sequence, name=name)
        return File(name=full_name, content=content, media=media)
    made = {
        "report.json": lambda: ReserveReport.objects.values_list("content", flat=True).get(pk=report_id).encode(),
        "report.csv": lambda: as_csv(facts.said, report_hash=facts.report_hash).encode(),
        "report.pdf": lambda: as_pdf(facts.said, report_hash=facts.report_hash, attestor=facts.attestor),
    }
    return File(name=full_name, content=made[name](), media=MEDIA[name])
