"""Where prices come from, behind the port in `base`, in the order in which they are asked."""

from __future__ import annotations

from orders.prices.base import PriceFeed
from orders.prices.broker import BidAskFeed, TradeFeed


def get_price_feeds() -> tuple[PriceFeed, ...]:
    """The broker's latest trade, then its best bid and ask. Both come from one host: when it is away, buying pauses. A
    source of another vendor would be the third here."""
    return TradeFeed(), BidAskFeed()
