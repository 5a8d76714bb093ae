"""Every combination of status, phase and sums that a broker can report: none raises, each ends in a legal move."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise, product

import pytest

from orders.brokers.base import BrokerPhase
from orders.states import LADDER, MOVES, WITHOUT_FILL, OrderStatus, after_report, path, rung

SUMS = (Decimal(0), Decimal("0.4"), Decimal(1))
PHASES = ("", *BrokerPhase)
S = OrderStatus


@pytest.mark.parametrize("status", [status for status in S if status not in LADDER])
def test_every_report_ends_in_a_legal_move_or_nowhere(status: S) -> None:
    wrong = []
    for phase, filled, broker_filled in product(PHASES, SUMS, SUMS):
        end = after_report(status=status, phase=phase, filled=filled, broker_filled=broker_filled)
        if end is None:
            continue
        ended_with_shares = end in WITHOUT_FILL and filled > 0
        filled_without = end in (S.FILLED, S.PARTIALLY_FILLED) and filled == 0
        if end not in MOVES[status] or ended_with_shares or filled_without:
            wrong.append((phase, filled, broker_filled, end))
    assert wrong == []


@pytest.mark.parametrize("status", LADDER)
def test_every_sum_on_the_ladder_is_walked_by_legal_moves(status: S) -> None:
    for filled, in_custody, minted, settled in product(SUMS, repeat=4):
        if settled > minted:  # refused by a constraint
            continue
        end = rung(filled=filled, in_custody=in_custody, minted=minted, settled=settled)
        walked = [status, *path(status, end)]
        assert all(after in MOVES[before] for before, after in pairwise(walked))
        if end in (S.MINT_CONFIRMED, S.SETTLED):
            assert minted > 0, f"nobody is told of tokens that are not there: {(filled, in_custody, minted, settled)}"
        if end == S.CUSTODY_CONFIRMED:
            assert in_custody > 0


@pytest.mark.parametrize(
    ("status", "phase", "end"),
    [
        ("PARTIALLY_FILLED", "CANCELLED", "CANCELLED"),  # a part was filled, busted, and the rest cancelled
        ("PARTIALLY_FILLED", "EXPIRED", "EXPIRED"),
        ("PARTIALLY_FILLED", "REJECTED", "REJECTED"),
        ("PARTIALLY_FILLED", "FILLED", "CANCELLED"),  # all of a filled order was busted: nothing was bought
        ("PARTIALLY_FILLED", "OPEN", None),
        ("PARTIALLY_FILLED", "UNKNOWN", None),
        ("SUBMITTED", "FILLED", None),  # no execution was ever seen: wait for them
        ("FILLED", "CANCELLED", None),  # a transfer may be under way: for staff
    ],
)
def test_an_order_of_which_nothing_is_left(status: str, phase: str, end: str | None) -> None:
    assert after_report(status=status, phase=phase, filled=Decimal(0), broker_filled=Decimal(0)) == end


def test_a_fill_of_an_order_that_was_told_as_rejected_is_the_customers() -> None:
    end = after_report(status="REJECTED", phase="FILLED", filled=Decimal(1), broker_filled=Decimal(1))
    assert end == S.FILLED
    assert end in MOVES[S.REJECTED]
