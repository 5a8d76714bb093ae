"""How the three books and the reports on-chain stand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Max, Min

from agora.lib.metrics import Gauge, Reading, Source, seconds_since
from reserves.models import Break, ReserveAttestation
from reserves.selectors import positions
from reserves.states import BreakKind

BREAKS = Gauge(name="agora_breaks", help="Differences between the books that are open.", labels=("kind",))
BREAK_OLDEST = Gauge(name="agora_breaks_oldest_seconds", help="How long the first of them has been open.")
RATIO = Gauge(name="agora_reserve_ratio", help="Shares in custody a token, at the last comparison.", labels=("symbol",))
COMPARED = Gauge(
    name="agora_reserves_compared_seconds", help="How long ago the books were compared.", labels=("symbol",)
)
ATTESTED_LEFT = Gauge(
    name="agora_attestation_left_seconds",
    help="How long the last reserve report that the oracle took may still be relied on.",
    labels=("symbol",),
)


def _reserves(*, now: datetime) -> Iterator[Reading]:
    opened = {
        row["kind"]: row
        for row in Break.objects.filter(closed_at=None)
        .values("kind")
        .annotate(number=Count("pk"), since=Min("opened_at"))
    }
    for kind in BreakKind.values:
        yield BREAKS.is_at(opened[kind]["number"] if kind in opened else 0, kind=kind)
    yield BREAK_OLDEST.is_at(seconds_since(min((row["since"] for row in opened.values()), default=None), now))
    for position in positions():
        if position.ratio is not None:
            yield RATIO.is_at(float(position.ratio), symbol=position.symbol)
        yield COMPARED.is_at(seconds_since(position.as_of, now), symbol=position.symbol)
    accepted = ReserveAttestation.objects.filter(outcomes__accepted=True).values_list("token__asset__symbol")
    for symbol, until in accepted.annotate(until=Max("valid_until")).order_by("token__asset__symbol"):
        yield ATTESTED_LEFT.is_at((until - now).total_seconds(), symbol=symbol)


RESERVES = Source(name="reserves", gauges=(BREAKS, BREAK_OLDEST, RATIO, COMPARED, ATTESTED_LEFT), read=_reserves)
