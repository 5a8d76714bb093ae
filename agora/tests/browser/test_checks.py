"""The checks themselves: a page with one fault each is caught, also under a strict Content-Security-Policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from agora.tests.browser import screenshots
from agora.tests.browser.checks import assert_accessible, assert_fits, assert_in_language, assert_light
from agora.tests.browser.conftest import Cast, Visit
from agora.tests.browser.lighthouse import Scores, run
from agora.tests.browser.visitors import Visitor

GOOD = """<!doctype html><html lang="en"><head><title>Good</title>
<meta name="viewport" content="width=device-width"></head><body><main><h1>Good</h1>{}</main></body></html>"""
LAX = "default-src * 'unsafe-inline'"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:"


def serve(visit: Visit, body: str, *, policy: str = POLICY, device: str = "phone") -> Visitor:
    """A visitor of the one page /page, which is this."""
    visitor = visit(device=device)
    headers = {"content-type": "text/html", "content-security-policy": policy}
    visitor.page.route("**/page", lambda route: route.fulfill(status=200, headers=headers, body=GOOD.format(body)))
    visitor.page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    visitor.go("/page")
    return visitor


CHECKS: list[tuple[str, Callable[[Visitor], None], str]] = [
    ("<img src='data:,'>", assert_accessible, "image-alt"),
    ("<p lang='xx-'>no such language</p>", assert_accessible, "valid-lang"),
    ("<table><tr><td>" + "w" * 200 + "</td></tr></table>", assert_fits, "of 390"),
]


def test_a_good_page_passes_every_check(visit: Visit) -> None:
    visitor = serve(visit, "<p>Nothing to see.</p>")
    assert_accessible(visitor)
    assert_fits(visitor)
    assert_in_language(visitor)


@pytest.mark.parametrize(("body", "check", "words"), CHECKS)
def test_a_fault_is_found_and_named(visit: Visit, body: str, check: Callable[[Visitor], None], words: str) -> None:
    visitor = serve(visit, body)
    visitor.expect("ERR_INVALID_URL|console")
    with pytest.raises(AssertionError, match=words):
        check(visitor)


def test_poor_contrast_is_found(visit: Visit) -> None:
    visitor = serve(
        visit, "<style>p { color: #aaa; background: #fff }</style><p>pale</p>", policy="default-src * 'unsafe-inline'"
    )
    with pytest.raises(AssertionError, match="color-contrast"):
        assert_accessible(visitor)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<script>1</script>", "Content Security Policy"),
        ("<p style='color: red'>red</p>", "Content Security Policy"),
        ("<img alt='' src='https://evil.example/a.png'>", "Content Security Policy"),
        ("<img alt='' src='/no-such-picture'>", "404"),
    ],
)
def test_what_the_policy_refuses_or_is_not_there_is_a_problem(visit: Visit, body: str, words: str) -> None:
    visitor = serve(visit, body)
    visitor.page.wait_for_load_state()
    assert any(words in problem for problem in visitor.unexpected()), visitor.problems
    visitor.expect("")


def test_an_uncaught_error_is_a_problem(visit: Visit) -> None:
    visitor = serve(visit, "<script>no.such.thing</script>", policy=LAX)
    assert any("uncaught" in problem for problem in visitor.unexpected())
    visitor.expect("uncaught")


def test_a_heavy_page_is_weighed_with_all_its_parts(visit: Visit) -> None:
    visitor = visit()
    visitor.page.route(
        "**/page", lambda route: route.fulfill(status=200, content_type="text/html", body=GOOD.format("x" * 61_000))
    )
    with pytest.raises(AssertionError, match=r"over 60000:\n +6\d{4} .*/page"):
        assert_light(visitor, "/page")


def test_a_page_in_another_language_is_found(visit: Visit) -> None:
    visitor = serve(visit, "")
    visitor.language = "es"
    with pytest.raises(AssertionError, match="lang='en'"):
        assert_in_language(visitor)


def test_a_screenshot_is_small_and_named_for_what_it_shows(visit: Visit, tmp_path: Path) -> None:
    path = screenshots.save(serve(visit, "<p>Look.</p>"), "page", folder=tmp_path, is_dark=True)
    assert path.name == "page-en-phone-dark.png"
    with Image.open(path) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "P", (390, 844))


def test_lighthouse_sees_a_private_page_and_misses_it_without_its_cookies(site: str, cast: Cast) -> None:
    assert isinstance(run(f"{site}/buy/", cookies=cast.states["customer"]["cookies"]), Scores)
    with pytest.raises(AssertionError, match="signed out"):
        run(f"{site}/buy/")
