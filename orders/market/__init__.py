"""What is known of the market: what a share costs, whether the market is open, what a dollar is. Reads rows only."""

from orders.market.equivalents import Equivalent, equivalent
from orders.market.offering import Offer, offer_of
from orders.market.quoting import Estimate, PriceState, Quote, estimate, price_history, quote
from orders.market.sessions import MarketSession, market_session

__all__ = [
    "Equivalent",
    "Estimate",
    "MarketSession",
    "Offer",
    "PriceState",
    "Quote",
    "equivalent",
    "estimate",
    "market_session",
    "offer_of",
    "price_history",
    "quote",
]
