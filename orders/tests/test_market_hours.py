"""Whether the market is open, as the broker says; and what we say when it does not."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agora.management.commands.follow import all_loops
from orders.brokers import get_broker
from orders.market import market_session
from orders.models import AssetPrice, FeedHealth, FxRate, MarketClock
from orders.sandbox.process import Control
from orders.services import refresh_clock

pytestmark = pytest.mark.django_db(transaction=True)
CLOCK = "GET /v2/clock"


def asked(market: Control) -> int:
    return len(market.log("request", path="/v2/clock"))


def test_before_anybody_asked_nothing_is_known(market: Control) -> None:
    session = market_session(now=timezone.now())
    assert (session.is_known, session.is_open, session.next_open, session.checked_at) == (False, False, None, None)


def test_the_broker_is_asked_every_half_minute_and_its_answer_kept(market: Control) -> None:
    now = timezone.now()
    for seconds in (0, 5, 29, 30):
        assert refresh_clock(now=now + timedelta(seconds=seconds))
    assert asked(market) == 2

    session = market_session(now=now)
    assert (session.is_known, session.is_open) == (True, True)
    assert session.next_close is not None
    assert session.next_open is not None
    assert now < session.next_close < session.next_open

    market.market(is_open=False)
    assert refresh_clock(now=now + timedelta(seconds=61))
    session = market_session(now=now + timedelta(seconds=61))
    assert (session.is_known, session.is_open) == (True, False)


def test_what_was_said_ends_with_the_session_it_was_said_of_and_is_asked_again(market: Control) -> None:
    now = timezone.now()
    refresh_clock(now=now)
    MarketClock.objects.update(next_close=now + timedelta(seconds=10))
    assert market_session(now=now + timedelta(seconds=9)).is_open
    after = now + timedelta(seconds=10)
    assert not market_session(now=after).is_known

    assert refresh_clock(now=after)

    assert (asked(market), market_session(now=after).is_known) == (2, True)


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "fail", "status": 500},
        {"do": "garble"},
        {"do": "drop"},
        {"do": "alter", "set": {"is_open": "yes"}},
        {"do": "alter", "set": {"next_open": None}},
        {"do": "alter", "set": {"timestamp": "2020-01-01T00:00:00Z"}},
    ],
    ids=str,
)
def test_an_unreadable_answer_leaves_what_was_known_and_is_kept_as_a_failure(
    market: Control, fault: dict[str, Any]
) -> None:
    now = timezone.now()
    market.scenario(fault, endpoint=CLOCK)
    assert not refresh_clock(now=now)
    assert not MarketClock.objects.exists()
    health = FeedHealth.objects.get(feed="clock:alpaca")
    assert (health.failures, health.answered_at) == (1, None)
    assert health.problem

    assert refresh_clock(now=now)
    assert FeedHealth.objects.get(feed="clock:alpaca").failures == 0


def test_a_broker_that_is_away_makes_it_unknown_after_five_minutes_not_before(market: Control, settings: Any) -> None:
    now = timezone.now()
    refresh_clock(now=now)
    MarketClock.objects.update(next_close=now + timedelta(hours=1))
    settings.ALPACA_URL = "http://127.0.0.1:9"
    get_broker.cache_clear()
    assert refresh_clock(now=now + timedelta(seconds=300))
    assert not refresh_clock(now=now + timedelta(seconds=301))
    session = market_session(now=now + timedelta(seconds=301))
    assert (session.is_known, session.is_open, session.checked_at) == (False, False, now)


def test_the_followers_loops_bring_hours_prices_and_rates(market: Control) -> None:
    steps = {loop.name: loop.step for loop in all_loops()}
    for name in ("prices", "rates"):
        steps[name](threading.Event())
    assert (MarketClock.objects.get().is_open, AssetPrice.objects.get().asset.symbol) == (True, "AAPL")
    assert FxRate.objects.get().currency == "BRL"


def test_with_everything_away_the_loops_go_on(market: Control, settings: Any) -> None:
    settings.ALPACA_URL = settings.ALPACA_DATA_URL = settings.PTAX_URL = "http://127.0.0.1:9"
    get_broker.cache_clear()
    steps = {loop.name: loop.step for loop in all_loops()}
    for name in ("prices", "rates", "prices"):
        steps[name](threading.Event())
    assert [model.objects.count() for model in (MarketClock, AssetPrice, FxRate)] == [0, 0, 0]
