"""Where prices come from, behind the port in `base`."""

from __future__ import annotations

from orders.prices.base import PriceFeed
from orders.prices.broker import BrokerFeed


def get_price_feed() -> PriceFeed:
    return BrokerFeed()
