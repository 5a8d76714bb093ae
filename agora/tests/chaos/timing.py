"""How soon it went on: after a kill, by the rows that moved; after a reorg, by the block that our database has."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

MOVES = """
    SELECT extract(epoch FROM at)::float FROM orders_orderevent UNION ALL
    SELECT extract(epoch FROM at)::float FROM custody_custodyevent UNION ALL
    SELECT extract(epoch FROM at)::float FROM minting_mintevent ORDER BY 1
"""
PENDING = "SELECT count(*) FROM orders_order WHERE status NOT IN ('SETTLED', 'REJECTED', 'CANCELLED', 'EXPIRED')"


def recoveries(at: Sequence[float], progress: Sequence[float]) -> list[float]:
    """For each time, the seconds until something was done that began after it. What nothing followed is left out."""
    ordered = sorted(progress)
    found = []
    for moment in at:
        place = bisect.bisect_right(ordered, moment)
        if place < len(ordered):
            found.append(ordered[place] - moment)
    return found


def quantile(values: Sequence[float], share: float) -> float:
    """The nearest-rank quantile; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def told(values: Sequence[float]) -> str:
    if not values:
        return "none measured"
    p50, p99 = quantile(values, 0.5), quantile(values, 0.99)
    return f"p50 {p50:.1f} s, p99 {p99:.1f} s, most {max(values):.1f} s of {len(values)}"
