"""The sweep's short form: a death at each crash point, one after the other; everything completes, each effect once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from agora.lib.crashpoints import POINTS
from agora.tests.sweep import yard as yards
from agora.tests.sweep.cases import all_cases, grouped
from agora.tests.sweep.engine import Case, die_and_complete
from agora.tests.sweep.yard import Yard

GROUPS = grouped(all_cases())


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with yards.running(tmp_path_factory.mktemp("yard")) as up:
        yield up


def test_each_point_is_died_at() -> None:
    assert sorted(case.point for group in GROUPS for case in group) == sorted(POINTS)


@pytest.mark.timeout(900)  # on a busy machine; a minute for the longest otherwise
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: f"{group[0].work.__name__}-{group[0].point}")
def test_who_dies_there_leaves_one_of_each_effect(
    yard: Yard, group: list[Case], record_property: Callable[[str, object], None]
) -> None:
    deaths = die_and_complete(yard, [(case, 1) for case in group])

    record_property("completed_in_seconds", deaths[-1].completed_in)
    assert {death.case.point: death.verdict for death in deaths} == dict.fromkeys([c.point for c in group], "ok")
