"""One turn of the chain's loop: the blocks, then the health of the RPCs that they come from."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from agora.lib.errors import Unavailable
from minting.chains import get_chain
from minting.chains.base import NodeReport
from minting.models import RpcNode
from minting.services.watching import watch_chain_once

COUNTED = ("ok", "lagging")  # states in which an RPC is one of the quorum
SAY_AGAIN = timedelta(seconds=5)  # an unchanged RPC is still there


def follow_chain(*, now: datetime) -> None:
    """Take in all that is new. Raises Unavailable: the RPCs are away, or contradict each other."""
    try:
        while watch_chain_once(now=now):
            pass
    except Unavailable:
        get_chain().note(has_quorum=False)
        raise
    else:
        get_chain().note(has_quorum=True)
    finally:
        record_nodes(now=now)


def record_nodes(*, now: datetime) -> None:
    """Keep what this process knows of each RPC, for the console: when it changes, and now and then."""
    known = {row.name: row for row in RpcNode.objects.filter(chain_id=settings.CHAIN_ID)}
    reports = get_chain().node_reports()
    for report in reports:
        row = known.pop(report.name, None)
        if row is None or row.state != report.state or now - row.seen_at >= SAY_AGAIN:
            _record(report, row, now)
    if known:
        RpcNode.objects.filter(pk__in=[row.pk for row in known.values()]).delete()


@transaction.atomic
def _record(report: NodeReport, row: RpcNode | None, now: datetime) -> None:
    changed = row is None or row.state != report.state
    RpcNode.objects.update_or_create(
        chain_id=settings.CHAIN_ID,
        name=report.name,
        defaults={
            "state": report.state,
            "head": report.head,
            "lag": report.lag,
            "reason": report.reason,
            "quarantines": report.quarantines,
            "counts": report.state in COUNTED,
            "seen_at": now,
            **({"changed_at": now} if changed else {}),
        },
    )
