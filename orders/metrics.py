"""How orders and the feeds of prices and rates stand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Min

from agora.lib.metrics import Gauge, Reading, Source, seconds_since
from orders.models import AssetPrice, FeedHealth, MarketClock, Order
from orders.states import FINAL

STANDING = Gauge(name="agora_orders", help="Orders that are not done, by status.", labels=("status",))
OLDEST = Gauge(
    name="agora_orders_oldest_seconds", help="How long the order that moved longest ago stands.", labels=("status",)
)
UNCERTAIN = Gauge(name="agora_orders_uncertain", help="Orders of which the broker may or may not know.")

PRICE_AGE = Gauge(
    name="agora_price_age_seconds", help="How long ago a source last confirmed the price.", labels=("symbol",)
)
PRICE_SUSPECT = Gauge(
    name="agora_price_suspect", help="1 while a jump of the price waits for a second reading.", labels=("symbol",)
)
CLOCK_AGE = Gauge(name="agora_market_clock_age_seconds", help="Age of the market's hours.", labels=("broker",))
FAILURES = Gauge(
    name="agora_feed_failures", help="Failures in a row, the last of them in the last five minutes.", labels=("feed",)
)
LATELY = timedelta(minutes=5)


def _orders(*, now: datetime) -> Iterator[Reading]:
    unfinished = Order.objects.filter(closing=None).exclude(status__in=FINAL)
    for row in unfinished.values("status").annotate(number=Count("pk"), since=Min("updated_at")).order_by("status"):
        yield STANDING.is_at(row["number"], status=row["status"])
        yield OLDEST.is_at(seconds_since(row["since"], now), status=row["status"])
    yield UNCERTAIN.is_at(unfinished.filter(uncertain_since__isnull=False).count())


def _feeds(*, now: datetime) -> Iterator[Reading]:
    for price in AssetPrice.objects.select_related("asset").order_by("asset_id"):
        yield PRICE_AGE.is_at(seconds_since(price.checked_at, now), symbol=price.asset.symbol)
        yield PRICE_SUSPECT.is_at(price.suspect_at is not None, symbol=price.asset.symbol)
    for clock in MarketClock.objects.order_by("broker"):
        yield CLOCK_AGE.is_at(seconds_since(clock.checked_at, now), broker=clock.broker)
    for feed in FeedHealth.objects.order_by("feed"):
        # One that nobody asks, because a better one answers, has not failed lately.
        is_asked = feed.failed_at is not None and now - feed.failed_at < LATELY
        yield FAILURES.is_at(feed.failures if is_asked else 0, feed=feed.feed)


ORDERS = Source(name="orders", gauges=(STANDING, OLDEST, UNCERTAIN), read=_orders)
FEEDS = Source(name="feeds", gauges=(PRICE_AGE, PRICE_SUSPECT, CLOCK_AGE, FAILURES), read=_feeds)
