"""Rows about reserves. One module a subject; callers use these names."""

from reserves.models.attesting import AttestationOutcome, ReserveAttestation
from reserves.models.comparing import Break, BreakNote, ReconciliationRun
from reserves.models.reporting import (
    DRAFT_VALID,
    REQUEST_VALID,
    SECOND_FACTOR_FRESH,
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

__all__ = [
    "DRAFT_VALID",
    "REQUEST_VALID",
    "SECOND_FACTOR_FRESH",
    "AttestationOutcome",
    "Break",
    "BreakNote",
    "LiabilityLeaf",
    "LiabilityLevel",
    "ReconciliationRun",
    "ReportApproval",
    "ReportPublication",
    "ReportRequest",
    "ReportSetback",
    "ReportSignature",
    "ReserveAttestation",
    "ReserveLine",
    "ReserveReport",
]
