"""The broker's own latest trade."""

from __future__ import annotations

from orders.brokers import get_broker
from orders.prices.base import Price


class BrokerFeed:
    name = "broker"

    def latest(self, symbol: str) -> Price:
        return get_broker().latest_price(symbol)
