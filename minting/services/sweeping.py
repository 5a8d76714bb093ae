"""The sweep of mints that stand still."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction

from accounts.services import place_hold
from agora.lib import events, rows
from minting.models import MintTx
from minting.states import IN_FLIGHT
from minting.states import MintStatus as S

BATCH = 200


def sweep_mints(*, now: datetime) -> int:
    """Re-emit what an unmoved mint waits for; how many were nudged."""
    with transaction.atomic():
        due = list(
            MintTx.objects.select_for_update(skip_locked=True)
            .filter(status__in=IN_FLIGHT, next_attempt_at__lte=now)
            .order_by("next_attempt_at")[:BATCH]
        )
        rows.each(due, _nudge, name="sweep-mints", hold=partial(_hold, now=now))
        early = [mint.pk for mint in due if mint.status != S.SENT]  # a SENT one stays due: observe_mint claims it
        MintTx.objects.filter(pk__in=early).update(next_attempt_at=now + timedelta(seconds=settings.NUDGE_AFTER))
    return len(due)


def _nudge(mint: MintTx) -> None:
    events.emit("mint.sent" if mint.status == S.SENT else "mint.advance", mint.pk, order_id=mint.order_id)


def _hold(mint: MintTx, trouble: rows.Trouble, *, now: datetime) -> None:
    place_hold(subject=f"order:{mint.order_id}", owner=rows.OWNER, reason=trouble.reason, now=now)
