"""People at their browsers: language, device, wallets; and everything that went wrong on the way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Response

from agora.tests.browser.wallets import Wallet, inject

LANGUAGES = {"pt-BR": "pt-BR", "es": "es-PY", "en": "en-US"}  # <html lang> → the browser's own
DEVICES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
}
PATIENCE = 15_000  # milliseconds for anything to appear


@dataclass
class Visitor:
    """One person in one browser."""

    url: str  # of the site
    context: BrowserContext
    page: Page
    language: str
    device: str
    wallets: Sequence[Wallet] = ()
    problems: list[str] = field(default_factory=list)
    _expected: list[str] = field(default_factory=list)

    @property
    def wallet(self) -> Wallet:
        return self.wallets[0]

    def go(self, path: str, status: int = 200) -> Response:
        if status >= 400:
            self.expect(f"status of {status}")
        answer = self.page.goto(self.url + path)
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status}"
        return answer

    def expect(self, pattern: str) -> None:
        """A problem that matches is part of this test."""
        self._expected.append(pattern)

    def unexpected(self) -> list[str]:
        """Console errors, uncaught exceptions, refused by the Content-Security-Policy, failed requests."""
        return [problem for problem in self.problems if not any(re.search(known, problem) for known in self._expected)]


def open_visitor(
    browser: Browser,
    url: str,
    *,
    language: str = "en",
    device: str = "desktop",
    is_dark: bool = False,
    has_javascript: bool = True,
    wallets: Sequence[Wallet] = (),
    state: Any = None,
) -> Visitor:
    """A fresh browser profile; `state` is another's cookies (`visitor.context.storage_state()`)."""
    context = browser.new_context(
        **DEVICES[device],
        locale=LANGUAGES[language],
        timezone_id="America/Asuncion" if language == "es" else "America/Sao_Paulo",
        color_scheme="dark" if is_dark else "light",
        java_script_enabled=has_javascript,
        storage_state=state,
    )
    context.set_default_timeout(PATIENCE)
    inject(context, wallets)
    visitor = Visitor(url, context, context.new_page(), language, device, wallets)
    _listen(visitor)
    return visitor


def _listen(visitor: Visitor) -> None:
    note = visitor.problems.append
    context = visitor.context
    context.on("console", lambda said: note(f"console: {said.text}") if said.type in ("error", "warning") else None)
    context.on("weberror", lambda error: note(f"uncaught: {error.error}"))
    context.on("requestfailed", lambda request: _note_failure(note, request))


def _note_failure(note: Any, request: Any) -> None:
    if request.failure != "net::ERR_ABORTED":  # the person went on to another page
        note(f"request: {request.url}: {request.failure}")
