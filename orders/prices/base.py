"""The price port: the latest price of a share, and when it was made.

One HTTP call, with time-outs and no retry of its own; raises a `VendorError` (agora.lib.errors) for any answer that is
not a price. It is asked by the follower's loop alone, which keeps the answer in a row: intake and pages read that row
and call nobody.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

from agora.lib.errors import Unavailable
from orders.brokers.base import Price

__all__ = ["Price", "PriceFeed", "sound"]

STEP = Decimal("1e-9")  # US$: as finely as it is kept
HIGHEST = Decimal(10**8)  # US$ a share: a hundred times the dearest there is
CLOCKS_DIFFER = timedelta(minutes=1)  # at most; a price from later than that would hide all that follow


class PriceFeed(Protocol):
    name: str  # kept with each price; at most 16 characters

    def latest(self, symbol: str) -> Price: ...


def sound(price: Price, *, now: datetime) -> Price:
    """The price, at the scale at which it is kept. Unavailable where it cannot be one."""
    if not (price.price_usd.is_finite() and STEP <= price.price_usd <= HIGHEST):
        raise Unavailable(f"{price.price_usd} is not a price of {price.symbol}")
    if price.at > now + CLOCKS_DIFFER:
        raise Unavailable(f"a price of {price.symbol} made at {price.at}, which is yet to come")
    return replace(price, price_usd=price.price_usd.quantize(STEP, rounding=ROUND_HALF_UP))
