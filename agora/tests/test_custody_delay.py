"""AC-03: a custodian that takes a minute. In a module of its own: it waits beside the others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import pytest

from agora.tests import e2e
from agora.tests.e2e import Effects, one_of_each
from orders.explaining import LATE_AFTER

pytestmark = pytest.mark.timeout(180)

DELAY = 60.0  # seconds
# What the page says until LATE_AFTER, and afterwards.
LATE = (
    "The broker has bought your shares. The custodian takes longer than usual to confirm; we keep asking, "
    "and nothing is lost."
)
WAITING = "The broker has bought your shares. We are waiting for the custodian to confirm that it holds them."


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[e2e.Platform]:
    with e2e.running(tmp_path_factory.mktemp("platform")) as up:
        yield up


def test_a_minute_at_the_custodian_keeps_the_order_filled_and_then_it_completes_by_itself(
    platform: e2e.Platform,
) -> None:
    before = platform.effects()
    platform.custodian.scenario(
        match={"operation": "TRANSFER", "amount": "0.25"}, hold="PENDING_AUTHORIZATION", hold_seconds=DELAY
    )

    order_id = platform.place("0.25")
    platform.until_status(order_id, "FILLED")
    filled_at = time.monotonic()
    platform.until(lambda: platform.custody_of(order_id), order_id=order_id)

    for seconds in (5, 15, 25):
        _wait_until(filled_at + seconds)
        _assert_waiting(platform, order_id, WAITING)

    # Nobody else waits with it.
    quick = platform.until_minted(platform.place("0.1"), within=15)
    assert quick["filled_quantity"] == "0.1"
    assert platform.violations() == []

    for seconds in (35, 50, 57):
        _wait_until(filled_at + seconds)
        _assert_waiting(platform, order_id, LATE if seconds > LATE_AFTER.total_seconds() else WAITING)
    assert platform.chain.balance(platform.wallet) == Decimal("0.1")

    order = platform.until_minted(order_id, within=30)
    reached = {step["name"]: datetime.fromisoformat(step["at"]) for step in order["steps"]}
    assert DELAY - 1 < (reached["In custody"] - reached["Filled"]).total_seconds() < DELAY + 10
    assert platform.chain.balance(platform.wallet) == Decimal("0.35")
    assert platform.effects() - before == Effects(2, 2, 2, 2, Decimal("0.35"))
    assert one_of_each("0.25") == platform.effects() - before - one_of_each("0.1")
    assert platform.violations() == []


def _assert_waiting(platform: e2e.Platform, order_id: str, said: str) -> None:
    order = platform.order(order_id)
    assert (order["status"], order["message"]) == ("FILLED", said)
    assert [record["status"] for record in platform.custody_of(order_id)] == ["SUBMITTED"]
    assert platform.mints_of(order_id) == []


def _wait_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
