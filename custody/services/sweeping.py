"""The sweep of custody records that stand still."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.services import place_hold
from agora.lib import events, rows
from custody.models import CustodyRecord
from custody.states import CustodyStatus as S

BATCH = 200


def sweep_custody(*, now: datetime) -> int:
    """Re-emit what an unmoved record waits for; how many were nudged."""
    waiting = Q(status__in=[S.PENDING, S.SUBMITTED]) | Q(status=S.COMPLETED, handed_over_at=None)
    with transaction.atomic():
        due = list(
            CustodyRecord.objects.select_for_update(skip_locked=True)
            .filter(waiting, next_attempt_at__lte=now)
            .order_by("next_attempt_at")[:BATCH]
        )
        rows.each(due, _nudge, name="sweep-custody", hold=partial(_hold, now=now))
        CustodyRecord.objects.filter(pk__in=[record.pk for record in due]).update(
            next_attempt_at=now + timedelta(seconds=settings.NUDGE_AFTER)
        )
    return len(due)


def _nudge(record: CustodyRecord) -> None:
    event = "custody.completed" if record.status == S.COMPLETED else "custody.advance"
    events.emit(event, record.pk, order_id=record.order_id)


def _hold(record: CustodyRecord, trouble: rows.Trouble, *, now: datetime) -> None:
    place_hold(subject=f"order:{record.order_id}", owner=rows.OWNER, reason=trouble.reason, now=now)
