"""The short form of `make chaos`, and that its judge is not blind."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from agora.lib import ids
from agora.lib.platform import ROOT
from agora.tests.chaos import judge, timing
from agora.tests.chaos.books import Books, BrokerOrder, Mint, SecondTry, Transfer
from agora.tests.chaos.clients import Placed

SEED = 1
QUARTER = Decimal("0.25")
ORDER = Placed(
    order_id="01a20440-8221-7305-bfed-5c933e3d1f88", symbol="AAPL", quantity=QUARTER, wallet="0xAb", token=""
)
BOUGHT = BrokerOrder(
    "b1", ids.broker_client_order_id(UUID(ORDER.order_id)), "AAPL", QUARTER, filled=QUARTER, status="filled"
)
MOVED = Transfer("agora-custody-1", "AAPL", QUARTER, "COMPLETED", "", f"order {ORDER.order_id} tranche 1")
MINTED = Mint("AAPL", "alpaca:b1:1", "0xab", QUARTER, 7)
RIGHT = Books(
    orders=[BOUGHT],
    positions={"AAPL": QUARTER},
    transfers=[MOVED],
    held={"AAPL": QUARTER},
    mints=[MINTED],
    supply={"AAPL": QUARTER},
)


@pytest.mark.timeout(600)
def test_a_minute_of_chaos_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Not every fault has its turn in so short a time: that is the long run's to insist on."""
    command = [sys.executable, "-m", "agora.tests.chaos", "--seed", str(SEED), "--orders", "10", "--minutes", "0.5"]
    command += ["--quiesce", "300", "--untried-is-fine", "--home", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_judge_has_nothing_against_books_that_agree() -> None:
    assert [*judge.findings([ORDER], RIGHT), *judge.unbacked(RIGHT)] == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (replace(RIGHT, orders=[]), "LOST"),
        (replace(RIGHT, orders=[BOUGHT, replace(BOUGHT, id="b2")]), "TWICE"),
        (replace(RIGHT, orders=[BOUGHT, replace(BOUGHT, id="b2", client_order_id="agora-x")]), "UNASKED"),
        (replace(RIGHT, orders=[replace(BOUGHT, quantity=Decimal("0.5"))]), "WRONG"),
        (replace(RIGHT, transfers=[]), "LOST"),
        (replace(RIGHT, transfers=[MOVED, replace(MOVED, external_tx_id="agora-custody-2")]), "TWICE"),
        (replace(RIGHT, transfers=[replace(MOVED, sub_status="COMPLETED_BUT_3RD_PARTY_FAILED")]), "UNBACKED"),
        (replace(RIGHT, mints=[]), "LOST"),
        (replace(RIGHT, mints=[MINTED, replace(MINTED, key="alpaca:b1:2")]), "TWICE"),
        (replace(RIGHT, mints=[replace(MINTED, to="0xcd")]), "WRONG"),
        (replace(RIGHT, mints=[MINTED, replace(MINTED, key="alpaca:b9:1")]), "UNASKED"),
        (replace(RIGHT, supply={"AAPL": Decimal("0.250000000000000001")}), "WRONG"),
        (replace(RIGHT, second_tries=[SecondTry("AAPL", "alpaca:b1:1", "0x2", "0x1")]), "TWICE"),
    ],
)
def test_the_judge_sees(wrong: Books, words: str) -> None:
    found = [*judge.findings([ORDER], wrong), *judge.unbacked(wrong)]

    assert any(finding.startswith(words) for finding in found), found


def test_an_order_that_its_client_cancelled_need_not_come_to_the_broker() -> None:
    nothing = Books(supply={"AAPL": Decimal(0)})

    assert judge.findings([ORDER], nothing, cancelled={ORDER.order_id}) == []


def test_a_transaction_whose_revert_a_reorg_took_away_may_leave_a_second_one_refused() -> None:
    books = replace(RIGHT, second_tries=[SecondTry("AAPL", "alpaca:b1:1", "0x2", "0x1")])

    assert judge.findings([ORDER], books, undone={"0x1"}) == []


def test_a_recovery_lasts_until_something_begins_after_the_kill() -> None:
    assert timing.recoveries([10.0, 20.0, 30.0], [9.0, 12.5, 21.0]) == [2.5, 1.0]
    assert (timing.quantile([3.0, 1.0, 2.0], 0.5), timing.quantile([], 0.99)) == (2.0, 0.0)
