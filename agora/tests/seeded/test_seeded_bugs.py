"""The harness can fail: each bug is caught by its scenario, which finds nothing when the bug is not there."""

from __future__ import annotations

import pytest

from agora.tests.seeded.bugs import BUGS
from agora.tests.seeded.cases import Case
from agora.tests.seeded.planting import planted
from agora.tests.seeded.scenarios import SCENARIOS
from agora.tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_seeded_bug_is_caught(world: World, name: str, record_property) -> None:
    bug = BUGS[name]
    with planted(bug.edits, bug.sql):
        evidence = SCENARIOS[name](Case(world))
    print(name, evidence)
    assert evidence


@pytest.mark.parametrize("name", sorted({scenario.__name__: name for name, scenario in SCENARIOS.items()}.values()))
def test_without_its_bug_a_scenario_finds_nothing(world: World, name: str) -> None:
    assert SCENARIOS[name](Case(world)) == []
