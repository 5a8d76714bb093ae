"""How far a price is trusted, and what an order of it reserves: on the page and in the order, to the cent."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import LimitUse
from agora.tests.rows import new_person
from agora.tests.tables import unchanged
from orders.errors import PriceUnavailable
from orders.market import PriceState, estimate, quote
from orders.models import Asset, AssetPrice, MarketClock
from orders.sandbox.process import Control
from orders.services import place_order, record_price
from orders.tests.test_limits import NOON, WALLET

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)
FRESH, OLD, PAUSED = PriceState.FRESH, PriceState.OLD, PriceState.PAUSED


@pytest.fixture
def asset(market: Control) -> Asset:
    return Asset.objects.get()


def priced(price: str = "250", *, made: float = 0, heard: float = 0) -> None:
    """A price made and heard of so many seconds before NOON."""
    record_price(
        symbol="AAPL",
        price_usd=Decimal(price),
        at=NOON - timedelta(seconds=made),
        now=NOON - timedelta(seconds=heard),
    )


def clock(*, is_open: bool, asked: datetime = NOON) -> None:
    soon, later = NOON + HOUR, NOON + 2 * HOUR
    MarketClock.objects.create(
        broker="alpaca",
        is_open=is_open,
        next_close=soon if is_open else later,
        next_open=later if is_open else soon,
        at=asked,
        checked_at=asked,
    )


@pytest.mark.parametrize(
    ("made", "heard", "is_open", "closed", "unknown"),
    [
        (0, 0, FRESH, OLD, FRESH),
        (20, 20, FRESH, OLD, FRESH),
        (21, 0, OLD, OLD, OLD),
        (21, 21, OLD, OLD, OLD),
        (60, 60, OLD, OLD, OLD),
        (61, 61, PAUSED, PAUSED, PAUSED),
        (900, 0, OLD, OLD, OLD),
        (901, 0, PAUSED, OLD, OLD),
        (300_000, 0, PAUSED, OLD, OLD),
        (300_000, 61, PAUSED, PAUSED, PAUSED),
        (-30, -30, FRESH, OLD, FRESH),  # our clocks differ a little
    ],
)
def test_a_price_is_judged_by_both_its_ages_and_the_market(
    asset: Asset, made: float, heard: float, is_open: PriceState, closed: PriceState, unknown: PriceState
) -> None:
    priced(made=made, heard=heard)
    for is_market_open, wanted in ((None, unknown), (True, is_open), (False, closed)):
        MarketClock.objects.all().delete()
        if is_market_open is not None:
            clock(is_open=is_market_open)
        view = quote(symbol="AAPL", now=NOON)
        assert view.state is wanted
        assert view.margin == (Decimal("0.02") if wanted is OLD else Decimal(0))
        assert (view.reason == "") == (wanted is FRESH)
        assert view.age == timedelta(seconds=max(0, made))


@pytest.mark.parametrize(
    ("price", "quantity", "cost", "reserved"),
    [
        ("250", "0.1", "25.00", "25.50"),
        ("250", "0.000000001", "0.01", "0.01"),
        ("0.01", "1", "0.01", "0.02"),
        ("250.000000001", "2", "500.01", "510.01"),
        ("99999999.999999999", "999999999.999999999", "99999999999999998.91", "101999999999999998.88"),
    ],
)
def test_cost_and_reservation_are_exact_and_rounded_up(
    asset: Asset, price: str, quantity: str, cost: str, reserved: str
) -> None:
    priced(price)
    clock(is_open=False)
    view = estimate(quote(symbol=asset.symbol, now=NOON), quantity=Decimal(quantity))
    assert (view.quantity, view.price_usd) == (Decimal(quantity), Decimal(price))
    assert (view.cost_usd, view.reserved_usd) == (Decimal(cost), Decimal(reserved))
    assert (view.fee_usd, view.margin) == (Decimal(0), Decimal("0.02"))


@pytest.mark.parametrize(
    ("price", "notional", "quantity"),
    [("250", "100", "0.4"), ("300", "100", "0.333333333"), ("7", "0.01", "0.001428571"), ("99999999", "0.01", "0")],
)
def test_dollars_buy_as_many_shares_as_they_pay_for_and_never_more(
    asset: Asset, price: str, notional: str, quantity: str
) -> None:
    priced(price)
    view = estimate(quote(symbol=asset.symbol, now=NOON), notional_usd=Decimal(notional))
    assert view.quantity == Decimal(quantity)
    assert view.quantity.as_tuple().exponent == -9
    assert view.cost_usd <= Decimal(notional)
    assert estimate(quote(symbol=asset.symbol, now=NOON), quantity=view.quantity) == view


def test_an_estimate_is_of_one_thing(asset: Asset) -> None:
    with pytest.raises(ValueError, match="quantity or"):
        estimate(quote(symbol=asset.symbol, now=NOON))
    with pytest.raises(ValueError, match="quantity or"):
        estimate(quote(symbol=asset.symbol, now=NOON), quantity=Decimal(1), notional_usd=Decimal(1))


@pytest.mark.parametrize("is_open", [True, False])
def test_what_the_page_estimates_is_what_the_order_reserves(asset: Asset, is_open: bool) -> None:
    priced("250.333")
    clock(is_open=is_open)
    alice = new_person("alice", wallet=WALLET)
    shown = estimate(quote(symbol=asset.symbol, now=NOON), notional_usd=Decimal(77))

    place_order(
        customer=alice.customer,
        symbol="AAPL",
        quantity=shown.quantity,
        recipient=WALLET,
        client_order_id="",
        now=NOON,
    )

    assert shown.reserved_usd == (Decimal("77.00") if is_open else Decimal("78.54"))
    assert LimitUse.objects.get().amount_usd == shown.reserved_usd


@pytest.mark.parametrize("why", ["never priced", "silent", "suspect", "untraded"])
def test_while_buying_is_paused_an_order_is_refused_with_the_reason_and_nothing_changes(asset: Asset, why: str) -> None:
    alice = new_person("alice", wallet=WALLET)
    if why != "never priced":
        priced(made=1000, heard=61 if why == "silent" else 0)
    if why == "suspect":
        AssetPrice.objects.update(suspect_price_usd=1, suspect_at=NOON)
    clock(is_open=why == "untraded")

    with unchanged(), pytest.raises(PriceUnavailable) as refusal:
        place_order(
            customer=alice.customer,
            symbol="AAPL",
            quantity=Decimal(1),
            recipient=WALLET,
            client_order_id="",
            now=NOON,
        )

    reason = quote(symbol="AAPL", now=NOON).reason
    assert refusal.value.detail == f"{reason} Nothing was ordered."
    words = {"never priced": "no price", "silent": "cannot tell", "suspect": "a lot", "untraded": "Nobody has traded"}
    assert words[why] in reason
