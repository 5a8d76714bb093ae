"""The loop that keeps a fresh price of each asset."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from agora.tests.world import World
from orders.brokers import get_broker
from orders.models import AssetPrice
from orders.services import refresh_prices

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_brokers_latest_trade_becomes_the_price(world: World) -> None:
    world.outside.broker.control.settings(prices={"AAPL": "212.34"})
    now = timezone.now()
    assert refresh_prices(now=now) == 1
    price = AssetPrice.objects.get()
    assert (price.price_usd, price.checked_at, price.source) == (Decimal("212.34"), now, "broker-trade")


def test_a_broker_that_is_away_leaves_the_price_and_its_age_as_they_were(world: World, settings: object) -> None:
    before = AssetPrice.objects.values().get()
    settings.ALPACA_DATA_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    get_broker.cache_clear()
    try:
        assert refresh_prices(now=timezone.now()) == 0
    finally:
        get_broker.cache_clear()
    assert AssetPrice.objects.values().get() == before
