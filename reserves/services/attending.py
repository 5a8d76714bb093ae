"""Reports that wait for a machine: drafted when asked for, signed when approved. A loop of the follower."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

from agora.lib import log
from agora.lib.errors import AgoraError, Rejected, Unavailable, Uncertain
from agora.lib.keyfiles import KeyFileRefused
from minting.errors import HoldersDisagree, NothingFinal
from reserves.merkle import BadTree
from reserves.models import DRAFT_VALID, REQUEST_VALID, ReportApproval, ReportRequest, ReportSetback
from reserves.services.approving import sign_report
from reserves.services.drafting import draft_report

logger = log.get(__name__)
CANNOT = (NothingFinal, HoldersDisagree, BadTree, AgoraError, KeyFileRefused, Rejected)


def attend_reports(*, now: datetime) -> int:
    """Draft and sign what waits for it; how many. What cannot be done is kept for the desk, and tried again while it
    is fresh. Raises Unavailable, Uncertain."""
    done = 0
    asked = ReportRequest.objects.filter(report=None, requested_at__gt=now - REQUEST_VALID)
    for request_id in asked.values_list("pk", flat=True):
        done += _attempted(request_id, partial(draft_report, request_id=request_id, now=now), now)
    approved = ReportApproval.objects.filter(signature=None, approved_at__gt=now - DRAFT_VALID)
    for report_id, request_id in approved.values_list("report_id", "report__request_id"):
        done += _attempted(request_id, partial(sign_report, report_id=report_id, now=now), now)
    return done


def _attempted(request_id: UUID, step: Callable[[], object], now: datetime) -> bool:
    try:
        step()
    except CANNOT as problem:
        _keep_setback(request_id, problem, now)
        return False
    except (Unavailable, Uncertain) as problem:
        _keep_setback(request_id, problem, now)
        raise
    return True


def _keep_setback(request_id: UUID, problem: Exception, now: datetime) -> None:
    """Once a reason: the loop comes back every few seconds."""
    text = str(problem)[:500]
    last = ReportSetback.objects.filter(request_id=request_id).order_by("-happened_at").first()
    if last is None or last.problem != text:
        logger.warning("report not made", request=str(request_id), problem=text)
        ReportSetback.objects.create(request_id=request_id, problem=text, happened_at=now)
