"""How custody records stand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Min, Q

from agora.lib.metrics import Gauge, Reading, Source, seconds_since
from custody.models import CustodyRecord
from custody.states import CustodyStatus as S

# As the index custody_to_sweep has it. A failed one is in agora_stuck.
NOT_DONE = Q(status__in=[S.PENDING, S.SUBMITTED]) | Q(status=S.COMPLETED, handed_over_at=None)

STANDING = Gauge(name="agora_custody_records", help="Custody records that are not done.", labels=("status",))
OLDEST = Gauge(
    name="agora_custody_oldest_seconds", help="How long the record that moved longest ago stands.", labels=("status",)
)


def _custody(*, now: datetime) -> Iterator[Reading]:
    rows = CustodyRecord.objects.filter(NOT_DONE)
    for row in rows.values("status").annotate(number=Count("pk"), since=Min("updated_at")).order_by("status"):
        yield STANDING.is_at(row["number"], status=row["status"])
        yield OLDEST.is_at(seconds_since(row["since"], now), status=row["status"])


CUSTODY = Source(name="custody", gauges=(STANDING, OLDEST), read=_custody)
