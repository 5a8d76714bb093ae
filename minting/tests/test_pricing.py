"""Bids: what every node, and our own signer, asks of a replacement, for all fees there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minting.chains.base import FeeMarket, Fees
from minting.services.pricing import higher_bid, opening_bid

WEI = st.one_of(st.integers(0, 20), st.integers(0, 10**12), st.integers(0, 2**128))
MARKETS = st.builds(FeeMarket, base_fee=WEI, tip=WEI)


@st.composite
def bids(draw: st.DrawFn) -> Fees:
    tip = draw(WEI)
    return Fees(max_fee_per_gas=tip + draw(WEI), max_priority_fee_per_gas=tip)


@given(bids(), MARKETS, WEI)
def test_a_higher_bid_raises_both_fees_by_an_eighth_at_least_within_the_cap(
    before: Fees, market: FeeMarket, cap: int
) -> None:
    after = higher_bid(before=before, market=market, cap_wei=cap)

    if after is None:
        least = max(-(-before.max_fee_per_gas * 9 // 8), before.max_fee_per_gas + 1)
        least_tip = max(-(-before.max_priority_fee_per_gas * 9 // 8), before.max_priority_fee_per_gas + 1)
        assert max(least, least_tip) > cap or cap < market.base_fee, "there was room"
        return
    for new, old in (
        (after.max_fee_per_gas, before.max_fee_per_gas),
        (after.max_priority_fee_per_gas, before.max_priority_fee_per_gas),
    ):
        assert isinstance(new, int)
        assert new * 8 >= old * 9
        assert new > old
    assert market.base_fee <= after.max_fee_per_gas <= cap
    assert after.max_priority_fee_per_gas <= after.max_fee_per_gas


@given(MARKETS, st.integers(1, 30))
def test_bids_that_follow_each_other_all_outbid_and_end_at_the_cap(market: FeeMarket, rounds: int) -> None:
    cap = 4 * market.base_fee + 4 * market.tip + 1000
    bid = opening_bid(market=market, cap_wei=cap)
    for _ in range(rounds):
        if bid is None:
            return
        after = higher_bid(before=bid, market=market, cap_wei=cap)
        assert after is None or after.max_fee_per_gas * 8 >= bid.max_fee_per_gas * 9
        bid = after


@given(MARKETS, WEI)
def test_an_opening_bid_covers_todays_price_or_is_not_made(market: FeeMarket, cap: int) -> None:
    bid = opening_bid(market=market, cap_wei=cap)

    assert (bid is None) == (market.base_fee > cap)
    if bid:
        tip = min(market.tip, cap - market.base_fee)
        assert market.base_fee + tip <= bid.max_fee_per_gas <= cap
        assert bid.max_priority_fee_per_gas == tip


@pytest.mark.parametrize(
    ("before", "after"),
    [((0, 0), (1, 1)), ((1, 0), (2, 1)), ((1, 1), (2, 2)), ((7, 1), (8, 2)), ((8, 8), (9, 9)), ((9, 8), (11, 9))],
)
def test_the_smallest_fees_are_raised_too(before: tuple[int, int], after: tuple[int, int]) -> None:
    nothing = FeeMarket(base_fee=0, tip=0)
    bid = higher_bid(
        before=Fees(max_fee_per_gas=before[0], max_priority_fee_per_gas=before[1]), market=nothing, cap_wei=100
    )

    assert bid == Fees(max_fee_per_gas=after[0], max_priority_fee_per_gas=after[1])


def test_a_bid_follows_the_market_up_and_the_cap_stops_it() -> None:
    before = Fees(max_fee_per_gas=3_000, max_priority_fee_per_gas=1_000)
    spike = FeeMarket(base_fee=50_000, tip=2_000)

    assert higher_bid(before=before, market=spike, cap_wei=10**9) == Fees(
        max_fee_per_gas=102_000, max_priority_fee_per_gas=2_000
    )
    assert higher_bid(before=before, market=spike, cap_wei=60_000) == Fees(
        max_fee_per_gas=60_000, max_priority_fee_per_gas=2_000
    )
    assert higher_bid(before=before, market=spike, cap_wei=49_999) is None
