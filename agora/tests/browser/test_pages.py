"""Each page, in each language, on each device: accessible, light, no wider than the screen, without a complaint."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agora.tests.browser import screenshots
from agora.tests.browser.checks import assert_accessible, assert_fits, assert_in_language, assert_light, axe_violations
from agora.tests.browser.conftest import Customer, Visit
from agora.tests.browser.site_map import PAGES, SitePage
from agora.tests.browser.wallets import Wallet

by_name = pytest.mark.parametrize("place", PAGES, ids=lambda place: place.name)


@pytest.fixture
def paths(place: SitePage, customer: Customer) -> tuple[str, object]:
    """Where the page is, and the cookies to see it."""
    path = place.at(settled=customer.settled_path, waiting=customer.waiting_path)
    return path, customer.state if place.is_private else None


@by_name
def test_a_page_is_accessible_fits_and_does_not_complain(
    visit: Visit,
    paths: tuple[str, object],
    place: SitePage,
    language: str,
    device: str,
    request: pytest.FixtureRequest,
) -> None:
    path, state = paths
    visitor = visit(language=language, device=device, state=state, wallets=[Wallet()])

    visitor.go(path, status=place.status)
    if request.config.getoption("--screenshots"):
        screenshots.save(visitor, place.name)

    assert_fits(visitor)
    assert_accessible(visitor, place.known)


@by_name
def test_a_page_is_accessible_in_the_dark(
    visit: Visit, paths: tuple[str, object], place: SitePage, device: str, request: pytest.FixtureRequest
) -> None:
    path, state = paths
    visitor = visit(device=device, state=state, is_dark=True, wallets=[Wallet()])

    visitor.go(path, status=place.status)
    if request.config.getoption("--screenshots"):
        screenshots.save(visitor, place.name, is_dark=True)

    assert_accessible(visitor, place.known)


@pytest.mark.parametrize("place", [place for place in PAGES if place.known], ids=lambda place: place.name)
def test_what_is_known_to_be_broken_still_is(visit: Visit, paths: tuple[str, object], place: SitePage) -> None:
    """Mended? Then take it off the site map."""
    path, state = paths
    visitor = visit(device="phone", state=state)
    visitor.go(path, status=place.status)
    assert set(axe_violations(visitor)) >= set(place.known)


@by_name
def test_a_first_visit_transfers_at_most_sixty_kilobytes(
    visit: Visit, paths: tuple[str, object], place: SitePage, measured: Callable[[str], None]
) -> None:
    path, state = paths
    total = assert_light(visit(state=state, device="phone"), path, status=place.status)
    measured(f"{place.name}: {total:,} bytes transferred on a first visit")


@pytest.mark.xfail(strict=True, reason="the pages speak English only")
@pytest.mark.parametrize("other", ["pt-BR", "es"])
@by_name
def test_a_page_says_which_language_it_is_in(
    visit: Visit, paths: tuple[str, object], place: SitePage, other: str
) -> None:
    path, state = paths
    visitor = visit(language=other, state=state)
    visitor.go(path, status=place.status)
    assert_in_language(visitor)
