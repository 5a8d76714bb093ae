"""Each page, in each language, on each device: accessible, light, no wider than the screen, without a complaint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agora.tests.browser import screenshots
from agora.tests.browser.checks import (
    assert_accessible,
    assert_fits,
    assert_in_language,
    assert_light,
)
from agora.tests.browser.conftest import Cast, Visit
from agora.tests.browser.site_map import PAGES, PICTURED, SitePage
from agora.tests.browser.wallets import Wallet

by_name = pytest.mark.parametrize("place", PAGES, ids=lambda place: place.name)
plain = [place for place in PAGES if not place.then]


def _is_pictured(visitor: Any, place: SitePage, request: pytest.FixtureRequest, *, is_dark: bool = False) -> bool:
    asked = place.name in PICTURED and request.config.getoption("--screenshots")
    return bool(asked) and screenshots.wanted(visitor, place.name, is_dark=is_dark)


@by_name
def test_a_page_is_accessible_fits_speaks_the_language_and_does_not_complain(
    visit: Visit, cast: Cast, place: SitePage, language: str, device: str, request: pytest.FixtureRequest
) -> None:
    visitor = visit(language=language, device=device, state=cast.states[place.who], wallets=[Wallet()])

    place.open(visitor, cast.paths)
    if _is_pictured(visitor, place, request):
        screenshots.save(visitor, place.name)

    assert_in_language(visitor)
    assert_fits(visitor)
    assert_accessible(visitor)


@by_name
def test_a_page_is_accessible_in_the_dark(
    visit: Visit, cast: Cast, place: SitePage, request: pytest.FixtureRequest
) -> None:
    visitor = visit(device="phone", state=cast.states[place.who], is_dark=True, wallets=[Wallet()])

    place.open(visitor, cast.paths)
    if _is_pictured(visitor, place, request, is_dark=True):
        screenshots.save(visitor, place.name, is_dark=True)

    assert_accessible(visitor)


def test_a_page_that_is_not_there_looks_like_the_others(visit: Visit) -> None:
    visitor = visit(language="es")
    visitor.go("/nothing-here/", status=404)
    assert_in_language(visitor)
    assert_accessible(visitor)
    assert visitor.page.locator("header nav").count() == 1


def test_a_form_that_lost_its_cookie_says_so_on_a_page_of_ours(visit: Visit) -> None:
    visitor = visit(language="es")
    visitor.expect("status of 40[34]|Content Security Policy")
    visitor.go("/sign-in/")
    visitor.page.locator("main summary").click()
    visitor.page.locator('[name="username"]').fill("ana")
    visitor.page.locator('[name="password"]').fill("a password")
    visitor.context.clear_cookies()
    with visitor.page.expect_navigation():
        visitor.page.locator('[data-test="password-sign-in"]').click()
    assert_in_language(visitor)
    assert visitor.page.locator("header nav").count() == 1


@pytest.mark.parametrize("place", plain, ids=lambda place: place.name)
def test_a_first_visit_transfers_at_most_sixty_kilobytes(
    visit: Visit, cast: Cast, place: SitePage, measured: Callable[[str], None]
) -> None:
    visitor = visit(state=cast.states[place.who], device="phone")
    total = assert_light(visitor, place.path.format(**cast.paths), status=place.status)
    measured(f"{place.name}: {total:,} bytes transferred on a first visit")
