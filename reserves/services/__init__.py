"""Writes about reserves. One module a verb; callers use these names."""

from reserves.services.approving import approve_report, publish_report, sign_report
from reserves.services.attending import attend_reports
from reserves.services.attesting import keep_attested
from reserves.services.breaking import assign_break, resolve_break
from reserves.services.drafting import draft_report, propose_report
from reserves.services.reconciling import EVERY, reconcile, refresh

__all__ = [
    "EVERY",
    "approve_report",
    "assign_break",
    "attend_reports",
    "draft_report",
    "keep_attested",
    "propose_report",
    "publish_report",
    "reconcile",
    "refresh",
    "resolve_break",
    "sign_report",
]
