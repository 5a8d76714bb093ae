"""Fireblocks' statuses and sub-statuses, and what they mean to us.

https://developers.fireblocks.com/reference/statuses, https://developers.fireblocks.com/reference/sub-statuses
"""

from __future__ import annotations

import pytest

from custody.custodians.base import TransferPhase
from custody.custodians.phases import phase_of


@pytest.mark.parametrize(
    ("phase", "pairs"),
    [
        (
            TransferPhase.PENDING,
            "SUBMITTED PENDING_AML_SCREENING PENDING_ENRICHMENT PENDING_AUTHORIZATION QUEUED PENDING_SIGNATURE"
            " PENDING_3RD_PARTY_MANUAL_APPROVAL PENDING_3RD_PARTY BROADCASTING CONFIRMING CANCELLING"
            " CONFIRMING/PENDING_BLOCKCHAIN_CONFIRMATIONS PENDING_3RD_PARTY/3RD_PARTY_PROCESSING",
        ),
        (TransferPhase.COMPLETED, "COMPLETED COMPLETED/CONFIRMED COMPLETED/3RD_PARTY_COMPLETED"),
        (
            TransferPhase.FAILED,
            "CANCELLED REJECTED BLOCKED FAILED TIMEOUT FAILED/INSUFFICIENT_FUNDS BLOCKED/BLOCKED_BY_POLICY"
            " COMPLETED/COMPLETED_BUT_3RD_PARTY_FAILED COMPLETED/COMPLETED_BUT_3RD_PARTY_REJECTED",
        ),
        (TransferPhase.UNKNOWN, "PARTIALLY_COMPLETED COMPLETED/AUTO_FREEZE COMPLETED/NEW_WORD NEW_STATUS"),
    ],
)
def test_status_and_sub_status_together_make_the_phase(phase, pairs):
    for pair in pairs.split():
        status, _, sub_status = pair.partition("/")
        assert phase_of(status, sub_status) is phase, pair
