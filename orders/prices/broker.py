"""The broker's market data: its latest trade, and the middle of its best bid and ask."""

from __future__ import annotations

from django.conf import settings

from agora.lib.errors import Unavailable
from orders.brokers import get_broker
from orders.prices.base import Price


class TradeFeed:
    name = "broker-trade"

    def latest(self, symbol: str) -> Price:
        return get_broker().latest_price(symbol)


class BidAskFeed:
    """Quotes go on when trades do not; at night one side or both are often missing, or far apart: then it has none."""

    name = "broker-quote"

    def latest(self, symbol: str) -> Price:
        quote = get_broker().latest_quote(symbol)
        if not 0 < quote.bid_usd <= quote.ask_usd:
            raise Unavailable(f"no price of {symbol} in a bid of {quote.bid_usd} and an ask of {quote.ask_usd}")
        middle = (quote.bid_usd + quote.ask_usd) / 2
        if quote.ask_usd - quote.bid_usd > settings.PRICE_MAX_SPREAD * middle:
            raise Unavailable(f"{symbol} is bid {quote.bid_usd} and asked {quote.ask_usd}: too far apart for a price")
        return Price(symbol=symbol, price_usd=middle, at=quote.at)
