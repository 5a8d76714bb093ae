"""Reports that wait for a machine: drafted when asked for, signed when approved. A loop of the follower."""

from __future__ import annotations

from datetime import datetime

from agora.lib import log
from agora.lib.errors import AgoraError, Rejected
from agora.lib.keyfiles import KeyFileRefused
from minting.errors import HoldersDisagree, NothingFinal
from reserves.merkle import BadTree
from reserves.models import DRAFT_VALID, ReportApproval, ReportRequest
from reserves.services.approving import sign_report
from reserves.services.drafting import REQUEST_VALID, draft_report

logger = log.get(__name__)
CANNOT = (NothingFinal, HoldersDisagree, BadTree, AgoraError, KeyFileRefused, Rejected)


def attend_reports(*, now: datetime) -> int:
    """Draft and sign what waits for it; how many. What cannot be done is said in the log and tried again while it is
    fresh. Raises Unavailable, Uncertain."""
    done = 0
    for request in ReportRequest.objects.filter(report=None, requested_at__gt=now - REQUEST_VALID):
        try:
            draft_report(request_id=request.pk, now=now)
            done += 1
        except CANNOT as problem:
            logger.warning("report not drafted", request=str(request.pk), problem=str(problem))
    for approval in ReportApproval.objects.filter(signature=None, approved_at__gt=now - DRAFT_VALID):
        try:
            sign_report(report_id=approval.report_id, now=now)
            done += 1
        except CANNOT as problem:
            logger.warning("report not signed", report=str(approval.report_id), problem=str(problem))
    return done
