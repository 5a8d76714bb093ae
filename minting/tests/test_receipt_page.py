"""The verifier's page in a real browser, from a server under its policy and from a file."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from django.core.wsgi import get_wsgi_application

from minting.receipts import receipt_bytes
from minting.receipts.page import FILE
from minting.tests.receipts import edit, genuine, settled

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    profile = tmp_path_factory.mktemp("chromium")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            headless=True,
            args=FLAGS,
            locale="pt-BR",
            viewport={"width": 360, "height": 740},
        )
        yield context
        context.close()


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The whole of Django but for its database: nothing on these pages asks it."""
    with make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=_Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Silent(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    assert page.complaints == []
    page.close()


def choose(page: Any, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    path.write_bytes(content)
    page.set_input_files("#file", path)
    page.wait_for_selector("#verdict:not(:empty)")


def test_from_a_file_without_a_network_a_receipt_is_checked_in_the_readers_language(page: Any, tmp_path: Path) -> None:
    page.context.set_offline(True)
    page.goto(FILE.as_uri())

    choose(page, receipt_bytes(settled()), tmp_path)

    assert page.inner_text("#verdict") == "Todas as verificações passam."
    assert page.locator("#each li").count() == 18
    assert page.locator("#each .bad").count() == 0
    assert settled()["digest"] in page.inner_text("#list")
    page.click("text=Español")
    assert page.inner_text("#verdict") == "Todas las verificaciones se cumplen."
    assert page.get_attribute("html", "lang") == "es"
    assert not page.is_visible("#save")
    page.context.set_offline(False)


def test_a_spoilt_receipt_shows_which_check_fails_and_fits_a_phone(page: Any, tmp_path: Path) -> None:
    page.goto(FILE.as_uri())
    page.click("text=English")

    choose(page, receipt_bytes(edit(settled(), "order.content.quantity", "0.9")), tmp_path)

    assert page.inner_text("#verdict") == "This receipt does not hold together. Do not rely on it."
    assert page.locator("#each .bad[role=img]").count() == 2
    assert page.inner_text("#more").startswith("✗ The order section is unchanged. ✗ Executions add up")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_partial_and_an_unreadable_file_say_so(page: Any, tmp_path: Path) -> None:
    page.goto(FILE.as_uri())
    page.click("text=English")

    choose(page, receipt_bytes(genuine()["in custody"]), tmp_path)
    assert "Still missing: the mint, settlement of the mint" in page.inner_text("#more")
    choose(page, b"<img src=x onerror=alert(1)>", tmp_path)

    page.wait_for_function("document.getElementById('more').textContent.includes('JSON')")
    assert page.inner_text("#verdict") == "This is not a receipt that this page can read."
    assert not page.is_visible("#checks")


def test_what_a_receipt_says_is_shown_as_text(page: Any, tmp_path: Path) -> None:
    page.goto(FILE.as_uri())

    choose(page, receipt_bytes(edit(settled(), "order.content.asset", "<b id=hit>A</b>")), tmp_path)

    assert page.locator("#hit").count() == 0
    assert "<b id=hit>A</b>" in page.inner_text("#list")


def test_a_dropped_receipt_is_checked(page: Any) -> None:
    page.goto(FILE.as_uri())

    page.evaluate(
        """(text) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], "dropped.json"));
            const how = {bubbles: true, cancelable: true, dataTransfer: transfer};
            document.body.dispatchEvent(new DragEvent("drop", how));
        }""",
        json.dumps(settled()),
    )
    page.wait_for_selector("#verdict.good")

    assert page.inner_text("#name") == "dropped.json"


def test_the_served_page_works_under_its_policy(page: Any, site: str, tmp_path: Path) -> None:
    page.goto(f"{site}/receipts/verify/")

    choose(page, receipt_bytes(settled()), tmp_path)

    assert page.locator("#verdict.good").count() == 1
    assert page.is_visible("#save")
    with page.expect_download() as download:
        page.click("#save a")
    assert download.value.path().read_bytes() == FILE.read_bytes()


def test_the_policy_lets_nothing_out(page: Any) -> None:
    page.goto(FILE.as_uri())

    refused = page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'out', (problem) => problem.name)")

    assert refused == "TypeError"
    assert any("Content Security Policy" in complaint for complaint in page.complaints)
    page.complaints.clear()
