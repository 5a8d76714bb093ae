"""The market's hours as a row, as the broker tells them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from agora.lib.errors import Unavailable, VendorError
from orders.brokers import get_broker
from orders.market import market_session
from orders.models import MarketClock
from orders.services.feeds import record_answer, record_failure

CLOCKS_DIFFER = timedelta(minutes=2)  # at most: beyond, one of the two is wrong


def refresh_clock(*, now: datetime) -> bool:
    """Ask the broker whether the market is open, if what it said is old or has ended; whether that is known now."""
    session = market_session(now=now)
    every = timedelta(seconds=settings.MARKET_CLOCK_EVERY)
    if session.is_known and session.checked_at is not None and now - session.checked_at < every:
        return True
    broker = get_broker()
    feed = f"clock:{broker.name}"
    try:
        clock = broker.clock()
        if abs(clock.at - now) > CLOCKS_DIFFER:
            raise Unavailable(f"the broker's clock says {clock.at}, ours {now}")
    except VendorError as trouble:
        record_failure(feed=feed, trouble=trouble, now=now)
        return market_session(now=now).is_known
    told = {"is_open": clock.is_open, "next_open": clock.next_open, "next_close": clock.next_close, "at": clock.at}
    MarketClock.objects.update_or_create(broker=broker.name, defaults={**told, "checked_at": now})
    record_answer(feed=feed, now=now)
    return True
