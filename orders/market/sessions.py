"""Whether the market is open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from orders.models import MarketClock


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSession:
    """The regular session of the broker's market. Not known: nobody told us lately, and `is_open` is False, the times
    None. An order is taken all the same; the broker keeps it for the next session if there is none now."""

    is_known: bool
    is_open: bool
    next_open: datetime | None
    next_close: datetime | None
    checked_at: datetime | None  # when the broker last said so; also while it is too long ago to count


def market_session(*, now: datetime) -> MarketSession:
    return session_of(MarketClock.objects.order_by("-checked_at").first(), now=now)


def session_of(row: MarketClock | None, *, now: datetime) -> MarketSession:
    """By what the broker said last."""
    if row is None or not _still_holds(row, now):
        checked_at = row.checked_at if row else None
        return MarketSession(is_known=False, is_open=False, next_open=None, next_close=None, checked_at=checked_at)
    return MarketSession(
        is_known=True,
        is_open=row.is_open,
        next_open=row.next_open,
        next_close=row.next_close,
        checked_at=row.checked_at,
    )


def _still_holds(row: MarketClock, now: datetime) -> bool:
    """What was said lately, unless the moment at which it ends has passed since."""
    ends_at = row.next_close if row.is_open else row.next_open
    return now < ends_at and now - row.checked_at <= timedelta(seconds=settings.MARKET_CLOCK_MAX_AGE)
