"""What a mint's transaction bids. Pure; integers of wei throughout.

A node replaces a waiting transaction only by one that raises both fees by its threshold: 10 % at most nodes, 12.5 % at
some. anvil takes one wei more, so no test against it alone proves anything here.
"""

from __future__ import annotations

from minting.chains.base import FeeMarket, Fees

RAISE, OF = 9, 8  # each fee of a replacement is at least 9/8 of the one before


def opening_bid(*, market: FeeMarket, cap_wei: int) -> Fees | None:
    """For a prompt inclusion: twice the base fee, plus the tip, within the cap. None: the cap is below today's."""
    if market.base_fee > cap_wei:
        return None
    tip = min(market.tip, cap_wei - market.base_fee)  # what one node suggests may be anything
    return Fees(max_fee_per_gas=min(2 * market.base_fee + tip, cap_wei), max_priority_fee_per_gas=tip)


def higher_bid(*, before: Fees, market: FeeMarket, cap_wei: int) -> Fees | None:
    """The least that replaces a bid and is prompt at today's market. None: that is above the cap, so wait."""
    least_tip, least_max = _raised(before.max_priority_fee_per_gas), _raised(before.max_fee_per_gas)
    tip = max(least_tip, min(market.tip, cap_wei))
    wanted = min(2 * market.base_fee + tip, cap_wei)  # more than the market asks, if the cap is there, is not for us
    max_fee = max(least_max, wanted, tip)
    if max_fee > cap_wei or max_fee < market.base_fee:
        return None
    return Fees(max_fee_per_gas=max_fee, max_priority_fee_per_gas=tip)


def _raised(fee: int) -> int:
    """An eighth more, rounded up, and never the same: an eighth of nothing is nothing."""
    return max(-(-fee * RAISE // OF), fee + 1)
