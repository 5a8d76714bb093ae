"""Lighthouse, as a phone on a slow line: 95 or more for performance, accessibility and best practices."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agora.tests.browser import lighthouse
from agora.tests.browser.conftest import Cast
from agora.tests.browser.site_map import PAGES, SCORED


@pytest.mark.timeout(420)
@pytest.mark.parametrize("name", SCORED)
def test_lighthouse_gives_ninety_five_or_more(
    name: str, site: str, cast: Cast, measured: Callable[[str], None]
) -> None:
    (place,) = (place for place in PAGES if place.name == name)
    state = cast.states[place.who]

    verdict = lighthouse.assert_good(site + place.path.format(**cast.paths), cookies=state["cookies"] if state else ())

    assert set(verdict.scores) == {"performance", "accessibility", "best-practices"}
    measured(f"{name}: {', '.join(f'{category} {score}' for category, score in verdict.scores.items())}")
