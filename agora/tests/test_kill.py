"""kill -9 of a worker at every point that the code names: one of each effect all the same, within seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from agora.tests import e2e
from agora.tests.e2e import NOTHING, Effects, one_of_each

RECOVERY = 15.0  # seconds from the kill to the tokens, 2 of them the worker's start; 2 to 5 unless the machine is busy


@dataclass(frozen=True)
class Death:
    """What the outside world has seen when a worker has died at a point, and where the customer's order stands."""

    effects: Effects
    statuses: tuple[str, ...]
    mint: str = ""
    fill_after: float = 0.15  # seconds


FILLED = Effects(broker_orders=1)
HELD = replace(FILLED, custody_transfers=1)
SIGNED = replace(HELD, signatures=1)
DEATHS = {
    "submit_order.before_call": Death(NOTHING, ("SUBMITTING",)),
    # The stream goes on without it, and another worker with the fill: that comes when we have looked.
    "submit_order.after_call": Death(FILLED, ("SUBMITTING", "SUBMITTED"), fill_after=2.0),
    "custody.before_call": Death(FILLED, ("FILLED",)),
    "custody.after_call": Death(HELD, ("FILLED",)),
    "mint.before_sign": Death(HELD, ("CUSTODY_CONFIRMED",), "SIMULATED"),
    "mint.after_sign": Death(SIGNED, ("CUSTODY_CONFIRMED",), "SIMULATED"),
    "mint.before_broadcast": Death(SIGNED, ("CUSTODY_CONFIRMED",), "SIGNED"),
    "mint.after_broadcast": Death(SIGNED, ("CUSTODY_CONFIRMED", "MINT_CONFIRMED"), ""),
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[e2e.Platform]:
    with e2e.running(tmp_path_factory.mktemp("platform"), **e2e.HASTE) as up:
        yield up
        assert up.violations() == []


@pytest.mark.parametrize("point", DEATHS)
def test_a_worker_killed_there_leaves_one_of_each_effect(
    platform: e2e.Platform, point: str, record_property: Callable[[str, object], None]
) -> None:
    before, death = platform.effects(), DEATHS[point]
    platform.kill("worker")
    platform.start("worker", AGORA_CRASH_AT=point)
    family = platform.family("worker")
    platform.broker.scenario({"do": "fill", "after": death.fill_after})

    order_id = platform.place("0.25")
    platform.until(lambda: any(e2e.is_dead(process) for process in family), order_id=order_id)
    killed_at = platform.kill("worker")

    seen, order = platform.effects() - before, platform.order(order_id)
    assert seen == death.effects or (point == "mint.after_broadcast" and seen == one_of_each("0.25"))  # in its block
    assert order["status"] in death.statuses
    if death.mint:
        assert [mint["status"] for mint in platform.mints_of(order_id)] == [death.mint]

    platform.start("worker")
    platform.until_minted(order_id)
    recovery = time.monotonic() - killed_at
    record_property("recovery_seconds", round(recovery, 2))
    print(f"{point}: minted {recovery:.1f} s after the kill")  # noqa: T201
    assert recovery < RECOVERY
    assert platform.effects() - before == one_of_each("0.25")
    assert platform.violations() == []
