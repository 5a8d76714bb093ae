"""Reference rates as rows, for display."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from agora.lib.errors import Unavailable, VendorError
from orders.errors import RateRefused
from orders.models import Currency, FeedHealth, FxRate
from orders.rates import get_rate_feeds
from orders.rates.base import RateFeed
from orders.services.feeds import record_answer, record_failure

STEP = Decimal("1e-6")
HIGHEST = Decimal(10**9)
CLOCKS_DIFFER = timedelta(minutes=5)


def refresh_rates(*, now: datetime) -> int:
    """Ask each source that has not answered for RATES_EVERY; how many answered. What we have stays, with its date."""
    return sum(_refresh(feed, now) for feed in get_rate_feeds() if _is_due(feed, now))


@transaction.atomic
def record_rate(*, currency: str, per_usd: Decimal, at: datetime, source: str, now: datetime) -> bool:
    """Keep a rate unless one of a later moment is kept; whether it is. Raises RateRefused for what cannot be one."""
    if currency not in Currency.values:
        raise RateRefused(f"{currency} is not shown to anybody; there are {', '.join(Currency.values)}.")
    if not (per_usd.is_finite() and STEP <= per_usd <= HIGHEST):
        raise RateRefused(f"{per_usd} is not a rate of the dollar.")
    if per_usd != per_usd.quantize(STEP):
        raise RateRefused(f"{per_usd} has more than 6 decimals.")
    if at > now + CLOCKS_DIFFER:
        raise RateRefused(f"{at} is yet to come.")
    row = FxRate.objects.select_for_update().filter(currency=currency).first() or FxRate(currency=currency, at=at)
    is_kept = at >= row.at
    if is_kept:
        row.per_usd, row.at, row.source = per_usd, at, source
    row.checked_at = now
    row.save()
    return is_kept


def _refresh(feed: RateFeed, now: datetime) -> bool:
    name = _name(feed)
    try:
        rate = feed.latest(now=now)
        record_rate(currency=feed.currency, per_usd=rate.per_usd, at=rate.at, source=feed.source, now=now)
    except VendorError as trouble:
        record_failure(feed=name, trouble=trouble, now=now)
        return False
    except RateRefused as refusal:
        record_failure(feed=name, trouble=Unavailable(refusal.detail), now=now)
        return False
    record_answer(feed=name, now=now)
    return True


def _is_due(feed: RateFeed, now: datetime) -> bool:
    since = now - timedelta(seconds=settings.RATES_EVERY)
    return not FeedHealth.objects.filter(feed=_name(feed), answered_at__gt=since).exists()


def _name(feed: RateFeed) -> str:
    return f"rate:{feed.currency}"
