"""Reads about reserves. One module a subject; callers use these names."""

from reserves.selectors.comparing import BreakFacts, Position, RatioPoint, breaks, positions, ratio_history
from reserves.selectors.desk import OpenRequest, open_requests, staff_file, staff_files
from reserves.selectors.reporting import (
    MEDIA,
    ReportFacts,
    inclusion_proof,
    inclusion_proofs,
    package_of,
    public_report,
    published_report,
    report,
    report_file,
    reports,
)

__all__ = [
    "MEDIA",
    "BreakFacts",
    "OpenRequest",
    "Position",
    "RatioPoint",
    "ReportFacts",
    "breaks",
    "inclusion_proof",
    "inclusion_proofs",
    "open_requests",
    "package_of",
    "positions",
    "public_report",
    "published_report",
    "ratio_history",
    "report",
    "report_file",
    "reports",
    "staff_file",
    "staff_files",
]
