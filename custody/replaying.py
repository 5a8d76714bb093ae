"""What custody's events and rows say happened, walked again (`manage.py replay`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from decimal import Decimal
from uuid import UUID

from agora.lib.replaying import Difference, replay_rows
from custody.models import CustodyRecord
from custody.states import CustodyStatus as S


def replay_custody(*, order_ids: Collection[UUID]) -> tuple[dict[UUID, Decimal], list[Difference]]:
    """Shares in custody for each of these orders, by the replayed records; and how the stored ones differ."""
    records = list(CustodyRecord.objects.filter(order_id__in=order_ids))
    replays, found = replay_rows(records, kind="custody record")
    held: dict[UUID, Decimal] = defaultdict(Decimal)
    for record in records:
        if replays[record.pk].status == S.COMPLETED:
            held[record.order_id] += record.quantity
    return held, found
