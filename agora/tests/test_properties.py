"""Whatever happens in whatever order, the invariants hold after each step, and each effect is there once in the end."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from agora.tests.properties import Loop
from agora.tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
DEEP = 30  # blocks on the token's creation: no reorg reaches it


@pytest.mark.timeout(0 if settings.get_current_profile_name() == "long" else 600)
def test_no_order_of_events_breaks_an_invariant(world: World) -> None:
    """`make properties` plays for long, with seeds of its own: then a failure prints what to repeat it with."""
    world.outside.mine(DEEP)
    machine = type("LoopHere", (Loop,), {"world": world, "deaths": [], "failures": []})
    is_long = settings.get_current_profile_name() == "long"
    short = settings(max_examples=6, stateful_step_count=18, derandomize=True, database=None, phases=[Phase.generate])

    profile = settings(settings() if is_long else short, deadline=None, suppress_health_check=list(HealthCheck))
    try:
        run_state_machine_as_test(machine, settings=profile)
    except BaseException as end:
        assert machine.failures == [], "an invariant was broken"
        raise AssertionError(f"after deaths at {machine.deaths}") from end

    print(f"died at {sorted(set(machine.deaths))}")  # noqa: T201
    assert machine.deaths
