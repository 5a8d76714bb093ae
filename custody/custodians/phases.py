"""Fireblocks' transaction statuses and sub-statuses, and what they mean to us."""

from __future__ import annotations

from custody.custodians.base import TransferPhase

# https://developers.fireblocks.com/reference/statuses
_PHASES = {
    "SUBMITTED": TransferPhase.PENDING,
    "PENDING_AML_SCREENING": TransferPhase.PENDING,
    "PENDING_ENRICHMENT": TransferPhase.PENDING,
    "PENDING_AUTHORIZATION": TransferPhase.PENDING,
    "QUEUED": TransferPhase.PENDING,
    "PENDING_SIGNATURE": TransferPhase.PENDING,
    "PENDING_3RD_PARTY_MANUAL_APPROVAL": TransferPhase.PENDING,
    "PENDING_3RD_PARTY": TransferPhase.PENDING,
    "BROADCASTING": TransferPhase.PENDING,
    "CONFIRMING": TransferPhase.PENDING,
    "CANCELLING": TransferPhase.PENDING,
    "CANCELLED": TransferPhase.FAILED,
    "REJECTED": TransferPhase.FAILED,
    "BLOCKED": TransferPhase.FAILED,
    "FAILED": TransferPhase.FAILED,
    "TIMEOUT": TransferPhase.FAILED,
    # Only transfers to many destinations end so, and ours have one: neither done nor without effect
    "PARTIALLY_COMPLETED": TransferPhase.UNKNOWN,
}
# https://support.fireblocks.io/hc/en-us/articles/26791417146524-Completed-substatuses
# A mint follows COMPLETED, so a sub-status that isn't here (AUTO_FREEZE, a new one) does not count as completed.
_COMPLETED_PHASES = {
    "": TransferPhase.COMPLETED,
    "CONFIRMED": TransferPhase.COMPLETED,
    "3RD_PARTY_COMPLETED": TransferPhase.COMPLETED,
    "COMPLETED_BUT_3RD_PARTY_FAILED": TransferPhase.FAILED,
    "COMPLETED_BUT_3RD_PARTY_REJECTED": TransferPhase.FAILED,
}


def phase_of(status: str, sub_status: str) -> TransferPhase:
    if status == "COMPLETED":
        return _COMPLETED_PHASES.get(sub_status, TransferPhase.UNKNOWN)
    return _PHASES.get(status, TransferPhase.UNKNOWN)
