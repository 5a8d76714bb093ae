"""The harness can fail: each bug is caught by its scenario, which finds nothing when the bug is not there.

All of them: `make seeded-bugs`. The suite runs a few, of each kind of catch one.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.exceptions import ImproperlyConfigured

from agora.tests.seeded.bugs import BUGS
from agora.tests.seeded.cases import Case
from agora.tests.seeded.planting import BugGone, Edit, planted
from agora.tests.seeded.scenarios import SCENARIOS
from agora.tests.world import World

SHORT = ("custodian_404_trusted", "no_fence", "half_completed", "number_only")
WITHOUT = {scenario: name for name, scenario in SCENARIOS.items()}.values()  # each scenario once


def _marked(names: list[str]) -> list[object]:
    return [name if name in SHORT else pytest.param(name, marks=pytest.mark.seeded) for name in names]


def test_each_bug_has_its_scenario_and_its_lines_still_stand() -> None:
    assert len(BUGS) >= 12
    assert SCENARIOS.keys() == BUGS.keys()
    for bug in BUGS.values():
        with planted(bug.edits):
            continue


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", _marked(list(SCENARIOS)))
def test_a_seeded_bug_is_caught(world: World, name: str, record_property: Callable[[str, object], None]) -> None:
    bug = BUGS[name]
    with planted(bug.edits, bug.sql):
        evidence = SCENARIOS[name](Case(world))

    record_property("evidence", evidence)
    assert evidence


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", _marked(sorted(WITHOUT)))
def test_without_its_bug_a_scenario_finds_nothing(world: World, name: str) -> None:
    assert SCENARIOS[name](Case(world)) == []


def test_a_bug_whose_line_is_gone_says_so_and_plants_nothing() -> None:
    gone = Edit("agora.lib.money:wei_from_shares", "a line that is not there", "")
    with pytest.raises(BugGone, match="0 times"), planted((gone,)):
        raise AssertionError


def test_processes_with_a_bug_run_in_the_sandbox_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from agora import settings

    monkeypatch.setattr(settings, "AGORA_MODE", "paper")
    with pytest.raises(ImproperlyConfigured, match="sandbox only"):
        __import__("agora.tests.seeded.settings")
