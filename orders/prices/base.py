"""The price port: the latest price of a share, and when it was made.

One HTTP call, with time-outs and no retry of its own; raises `Rejected` or `Unavailable` (agora.lib.errors). It is
asked by the follower's loop alone, which keeps the answer in a row: intake and pages read that row and call nobody.
"""

from __future__ import annotations

from typing import Protocol

from orders.brokers.base import Price

__all__ = ["Price", "PriceFeed"]


class PriceFeed(Protocol):
    name: str  # kept with each price

    def latest(self, symbol: str) -> Price: ...
