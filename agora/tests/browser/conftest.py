"""The real platform in processes of its own, and Debian's Chromium: once for all browser tests (`make e2e`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from agora.lib import platform as processes
from agora.tests import e2e
from agora.tests.browser import chromium, journey
from agora.tests.browser.mailbox import Mailbox
from agora.tests.browser.people import new_applicant
from agora.tests.browser.visitors import DEVICES, LANGUAGES, Visitor, open_visitor
from agora.tests.browser.wallets import Wallet

HERE = Path(__file__).parent
Visit = Callable[..., Visitor]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", action="store_true", help="write docs/screenshots anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")


FIGURES = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What was measured, also when all is well."""
    for figure in config.stash[FIGURES]:
        terminalreporter.write_line(figure)


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """`measured("buy: 9,000 bytes")`: said at the end of the run."""
    return request.config.stash[FIGURES].append


@dataclass
class Customer:
    """Somebody with an approved account, two orders, and their cookies."""

    wallet: Wallet
    state: Any  # of the browser
    settled_path: str  # of the order that is tokens for good
    waiting_path: str  # of one that the broker does not fill


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[e2e.Platform]:
    """All of it, on free ports, with static files as a server serves them and e-mail in files."""
    home = tmp_path_factory.mktemp("browser")
    env = {"KYC_PROVIDER": "auto", "EMAIL_URL": f"filemail:///{home}/mail", "STATIC_ROOT": str(home / "static")}
    processes.manage(processes.on_free_ports(home, **env), "collectstatic", "--no-input", "--verbosity", "0")
    with e2e.running(home, block_time=1, DEBUG="false", **env) as running:
        yield running


@pytest.fixture(scope="session")
def site(platform: e2e.Platform) -> str:
    """Where visitors find it. `localhost` is a secure context; wallets sign for it."""
    return f"http://localhost:{platform.layout.web_port}"


@pytest.fixture(scope="session")
def mailbox(platform: e2e.Platform) -> Mailbox:
    return Mailbox(platform.layout.home / "mail")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
        yield running
        running.close()


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Visit]:
    """`visit(language=…, device=…, wallets=[…], state=…)`: a visitor. What their pages complain of fails the test."""
    visitors: list[Visitor] = []

    def visit(**how: Any) -> Visitor:
        visitors.append(open_visitor(browser, site, **how))
        return visitors[-1]

    yield visit
    for visitor in visitors:
        visitor.context.close()
    problems = [problem for visitor in visitors for problem in visitor.unexpected()]
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="session")
def customer(browser: Browser, site: str, platform: e2e.Platform, mailbox: Mailbox) -> Customer:
    """One for all tests that only look: signed in by wallet, approved, 0.25 AAPL-RAT minted, 0.25 on their way."""
    visitor = open_visitor(browser, site, wallets=[Wallet()])
    journey.sign_in(visitor)
    journey.be_approved(visitor, platform, new_applicant(), mailbox)
    settled_path = journey.buy(visitor)
    journey.until_minted(visitor)
    platform.chain.mine(12)
    journey.until_settled(visitor)
    platform.broker.scenario({"do": "hold"})
    waiting_path = journey.buy(visitor)
    state = visitor.context.storage_state()
    visitor.context.close()
    assert visitor.unexpected() == []
    return Customer(visitor.wallet, state, settled_path, waiting_path)


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)
