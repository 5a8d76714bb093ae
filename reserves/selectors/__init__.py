"""Reads about reserves. One module a subject; callers use these names."""

from reserves.selectors.comparing import BreakFacts, Position, RatioPoint, breaks, positions, ratio_history
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
    "Position",
    "RatioPoint",
    "ReportFacts",
    "breaks",
    "inclusion_proof",
    "inclusion_proofs",
    "package_of",
    "positions",
    "public_report",
    "published_report",
    "ratio_history",
    "report",
    "report_file",
    "reports",
]
