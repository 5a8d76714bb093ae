"""What becomes the price of an asset: two sources asked in turn, nonsense and jumps kept out, failures kept visible."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from agora.lib.errors import Unavailable
from agora.tests.tables import unchanged
from orders.brokers import get_broker
from orders.brokers.base import Price
from orders.market import PriceState, price_history, quote
from orders.models import AssetPrice, FeedHealth, PricePoint
from orders.prices.base import sound
from orders.sandbox.process import Control
from orders.services import record_price, refresh_clock, refresh_prices

pytestmark = pytest.mark.django_db(transaction=True)

TRADES, QUOTES = "GET /v2/stocks/trades/latest", "GET /v2/stocks/quotes/latest"
TRADE, BID_ASK = "broker-trade", "broker-quote"
DOWN = {"do": "fail", "status": 500}


def trade(price: object, at: datetime) -> dict[str, Any]:
    """A scenario's step: the latest trade is this one."""
    return {"do": "alter", "set": {"trades": {"AAPL": {"t": at.isoformat(), "p": price}}}}


def bid_ask(bid: object, ask: object, at: datetime) -> dict[str, Any]:
    return {"do": "alter", "set": {"quotes": {"AAPL": {"t": at.isoformat(), "bp": bid, "ap": ask}}}}


def told() -> tuple[Decimal, str]:
    row = AssetPrice.objects.get()
    return row.price_usd, row.source


def state(now: datetime | None = None) -> PriceState:
    return quote(symbol="AAPL", now=now or timezone.now()).state


def health(source: str) -> FeedHealth:
    return FeedHealth.objects.get(feed=f"price:AAPL:{source}")


def test_the_brokers_latest_trade_becomes_the_price_and_nobody_else_is_asked(market: Control) -> None:
    market.settings(prices={"AAPL": "212.34"})
    now = timezone.now()

    assert refresh_prices(now=now) == 1

    row = AssetPrice.objects.get()
    assert (row.price_usd, row.checked_at, row.source) == (Decimal("212.34"), now, TRADE)
    assert (health(TRADE).answered_at, health(TRADE).failures) == (now, 0)
    assert not market.log("request", path="/v2/stocks/quotes/latest")
    assert state() is PriceState.FRESH


NONSENSE = [
    DOWN,
    {"do": "fail", "status": 429},
    {"do": "fail", "status": 200},  # an object without trades
    {"do": "garble"},
    {"do": "drop"},
    {"do": "alter", "set": {"trades": None}},
    {"do": "alter", "set": {"trades": [1]}},
    {"do": "alter", "set": {"trades": {"AAPL": None}}},
    *(
        trade(price, datetime(2026, 11, 20, tzinfo=UTC))
        for price in (-1, 0, "0.0000000001", "NaN", "Infinity", "1e9", "1e400", True, None, "220 dollars")
    ),
    trade(220, datetime(2099, 1, 1, tzinfo=UTC)),  # believed, it would hide every later one
    {"do": "alter", "set": {"trades": {"AAPL": {"t": "yesterday", "p": 220}}}},
]


@pytest.mark.parametrize("fault", NONSENSE, ids=str)
def test_when_the_trades_make_no_sense_the_middle_of_bid_and_ask_is_the_price(
    market: Control, fault: dict[str, Any]
) -> None:
    market.settings(prices={"AAPL": "212.345"})
    market.scenario(fault, endpoint=TRADES)

    assert refresh_prices(now=timezone.now()) == 1

    assert told() == (Decimal("212.345"), BID_ASK)
    assert (health(TRADE).failures, health(TRADE).answered_at, health(BID_ASK).failures) == (1, None, 0)
    assert "Un" in health(TRADE).problem  # Unavailable or Uncertain, and why

    assert refresh_prices(now=timezone.now()) == 1
    assert told() == (Decimal("212.345"), TRADE)
    assert (health(TRADE).failures, health(TRADE).problem != "") == (0, True)


@pytest.mark.parametrize("price", ["NaN", "0", "-3"])
def test_a_price_that_is_none_in_both_sources_changes_nothing(market: Control, price: str) -> None:
    refresh_prices(now=timezone.now())
    before = AssetPrice.objects.values().get()
    market.settings(prices={"AAPL": price})

    assert refresh_prices(now=timezone.now()) == 0

    assert AssetPrice.objects.values().get() == before
    assert (health(TRADE).failures, health(BID_ASK).failures) == (1, 1)


@pytest.mark.parametrize(("bid", "ask"), [(0, 0), (0, 221), (221, 0), (222, 221), (200, 240)])
def test_a_one_sided_crossed_or_wide_quote_is_no_price(market: Control, bid: int, ask: int) -> None:
    market.scenario(DOWN, endpoint=TRADES)
    market.scenario(bid_ask(bid, ask, timezone.now()), endpoint=QUOTES)

    assert refresh_prices(now=timezone.now()) == 0

    assert not AssetPrice.objects.exists()
    assert state() is PriceState.PAUSED


def test_with_both_sources_away_the_price_gets_old_and_then_buying_pauses(market: Control, settings: Any) -> None:
    start = timezone.now()
    refresh_prices(now=start)
    before = AssetPrice.objects.values().get()
    settings.ALPACA_DATA_URL = "http://127.0.0.1:9"
    get_broker.cache_clear()

    for _ in range(3):
        assert refresh_prices(now=timezone.now()) == 0

    assert AssetPrice.objects.values().get() == before
    assert (health(TRADE).failures, health(BID_ASK).failures) == (3, 3)
    ages = [0, 21, 59, 61]
    states = [state(start + timedelta(seconds=age)) for age in ages]
    assert states == [PriceState.FRESH, PriceState.OLD, PriceState.OLD, PriceState.PAUSED]


def test_an_older_trade_does_not_replace_a_newer_price_nor_claim_it(market: Control) -> None:
    start = timezone.now()
    record_price(symbol="AAPL", price_usd=Decimal(230), at=start, source=BID_ASK, now=start)
    market.scenario(trade(200, start - timedelta(seconds=5)), endpoint=TRADES)
    later = start + timedelta(seconds=5)

    assert refresh_prices(now=later) == 1

    row = AssetPrice.objects.get()
    assert (row.price_usd, row.at, row.source, row.checked_at) == (Decimal(230), start, BID_ASK, later)


def test_while_the_market_is_open_an_old_trade_gives_way_to_a_newer_quote(market: Control) -> None:
    now = timezone.now()
    refresh_clock(now=now)
    market.settings(prices={"AAPL": "220"})
    for age, failures in ((60, 0), (1000, 1)):  # quiet; untraded for too long to be told at all
        market.scenario(trade(221, now - timedelta(seconds=age)), endpoint=TRADES)
        assert refresh_prices(now=now) == 1
        assert told() == (Decimal(220), BID_ASK)
        assert health(TRADE).failures == failures


def test_while_the_market_is_closed_the_last_trade_is_the_price_however_old(market: Control) -> None:
    market.market(is_open=False)
    now = timezone.now()
    refresh_clock(now=now)
    market.scenario(trade(221, now - timedelta(days=3)), endpoint=TRADES)

    assert refresh_prices(now=now) == 1

    assert told() == (Decimal(221), TRADE)
    assert state(now) is PriceState.OLD


# --- Jumps -----------------------------------------------------------------------------------------------------------


def start_at(market: Control, price: str) -> None:
    market.settings(prices={"AAPL": price})
    assert refresh_prices(now=timezone.now()) == 1


@pytest.mark.parametrize("price", ["250", "55", "0.01"])
def test_a_jump_that_the_other_source_confirms_is_believed_at_once(market: Control, price: str) -> None:
    start_at(market, "220")
    market.scenario(bid_ask(Decimal(price).__float__(), Decimal(price).__float__(), timezone.now()), endpoint=QUOTES)

    start_at(market, price)

    assert told() == (Decimal(price), TRADE)
    assert state() is PriceState.FRESH


def test_a_jump_within_the_band_needs_nobody(market: Control) -> None:
    start_at(market, "220")
    start_at(market, "242")
    assert not market.log("request", path="/v2/stocks/quotes/latest")


def test_a_jump_that_only_one_source_tells_pauses_until_a_later_reading_agrees(market: Control) -> None:
    start_at(market, "220")
    market.scenario(DOWN, times=None, endpoint=QUOTES)
    market.settings(prices={"AAPL": "300"})
    checked_at = AssetPrice.objects.get().checked_at

    assert refresh_prices(now=timezone.now()) == 0

    row = AssetPrice.objects.get()
    assert (row.price_usd, row.suspect_price_usd, row.suspect_source) == (Decimal(220), Decimal(300), TRADE)
    assert row.checked_at == checked_at
    view = quote(symbol="AAPL", now=timezone.now())
    assert (view.state, view.price_usd) == (PriceState.PAUSED, Decimal(220))
    assert "changed a lot" in view.reason

    start_at(market, "301")
    row = AssetPrice.objects.get()
    assert (row.price_usd, row.suspect_price_usd, row.suspect_at, row.suspect_source) == (Decimal(301), None, None, "")
    assert state() is PriceState.FRESH


def test_the_same_trade_told_again_is_no_second_reading(market: Control) -> None:
    start_at(market, "220")
    market.scenario(DOWN, times=None, endpoint=QUOTES)
    market.scenario(trade(300, timezone.now()), times=None, endpoint=TRADES)

    assert [refresh_prices(now=timezone.now()) for _ in range(3)] == [0, 0, 0]

    assert told() == (Decimal(220), TRADE)
    assert state() is PriceState.PAUSED


def test_sources_that_contradict_each_other_pause_and_a_return_to_normal_ends_it(market: Control) -> None:
    start_at(market, "220")
    market.scenario(trade(300, timezone.now()), endpoint=TRADES)
    assert refresh_prices(now=timezone.now()) == 0  # the quote says 220
    assert state() is PriceState.PAUSED

    start_at(market, "221")

    assert told() == (Decimal(221), TRADE)
    assert state() is PriceState.FRESH


def test_prices_that_jump_about_confirm_nothing(market: Control) -> None:
    start_at(market, "220")
    market.scenario(DOWN, times=None, endpoint=QUOTES)
    for price in ("300", "400", "120", "300"):
        market.settings(prices={"AAPL": price})
        assert refresh_prices(now=timezone.now()) == 0
    assert told() == (Decimal(220), TRADE)


# --- Scale and history -----------------------------------------------------------------------------------------------


def test_a_price_is_kept_to_nine_decimals() -> None:
    now = timezone.now()
    price = Price(symbol="AAPL", price_usd=Decimal("220.12345678951"), at=now)
    assert sound(price, now=now).price_usd == Decimal("220.123456790")
    with pytest.raises(Unavailable, match="yet to come"):
        sound(Price(symbol="AAPL", price_usd=Decimal(220), at=now + timedelta(seconds=61)), now=now)


def test_one_price_an_hour_is_kept_for_a_month(market: Control) -> None:
    hour = datetime(2026, 10, 1, 14, tzinfo=UTC)
    for minutes, price in ((1, 220), (59, 221), (60, 222), (31 * 24 * 60, 223), (31 * 24 * 60 + 60, 224)):
        at = hour + timedelta(minutes=minutes)
        record_price(symbol="AAPL", price_usd=Decimal(price), at=at, now=at)

    kept = price_history(symbol="AAPL", since=hour)
    assert kept == [
        (hour + timedelta(hours=1), Decimal(222)),
        (hour + timedelta(days=31), Decimal(223)),
        (hour + timedelta(days=31, hours=1), Decimal(224)),
    ]
    assert PricePoint.objects.count() == 3


def test_an_asset_that_is_not_offered_changes_nothing(market: Control) -> None:
    with unchanged():
        assert quote(symbol="NONE", now=timezone.now()).state is PriceState.PAUSED
