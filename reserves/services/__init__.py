"""Writes about reserves. One module a verb; callers use these names."""

from reserves.services.approving import (
    approval_refusal,
    approve_report,
    publication_refusal,
    publish_report,
    sign_report,
)
from reserves.services.attending import attend_reports
from reserves.services.attesting import keep_attested
from reserves.services.breaking import assign_break, attend_refusal, note_break, resolve_break, resolve_refusal
from reserves.services.drafting import draft_report, propose_report
from reserves.services.paying import watch_budgets
from reserves.services.reconciling import EVERY, ask_reconciliation, reconcile, refresh

__all__ = [
    "EVERY",
    "approval_refusal",
    "approve_report",
    "ask_reconciliation",
    "assign_break",
    "attend_refusal",
    "attend_reports",
    "draft_report",
    "keep_attested",
    "note_break",
    "propose_report",
    "publication_refusal",
    "publish_report",
    "reconcile",
    "refresh",
    "resolve_break",
    "resolve_refusal",
    "sign_report",
    "watch_budgets",
]
