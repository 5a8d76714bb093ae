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
class Cast:
    """People who have gone some way, for tests that only look; and where what they own is."""

    states: dict[str, Any]  # their browsers' cookies, by name; a stranger has none
    wallets: dict[str, Wallet]
    paths: dict[str, str]  # for site_map's paths


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
def cast(browser: Browser, site: str, platform: e2e.Platform, mailbox: Mailbox) -> Iterator[Cast]:
    people = {name: open_visitor(browser, site, wallets=[Wallet()]) for name in ("newcomer", "applicant", "customer")}
    applicant, customer = people["applicant"], people["customer"]
    for person in people.values():
        journey.sign_in(person)
    unconfirmed = new_applicant()
    journey.submit_application(applicant, unconfirmed)
    link = mailbox.link_to(unconfirmed.email)
    journey.onboard(customer, new_applicant(), mailbox)
    yield Cast(
        states={"stranger": None, **{name: person.context.storage_state() for name, person in people.items()}},
        wallets={name: person.wallet for name, person in people.items()},
        paths={"confirm": link.removeprefix(site), **_orders_of(customer, platform)},
    )
    for person in people.values():
        person.context.close()
        assert person.unexpected() == []


def _orders_of(customer: Visitor, platform: e2e.Platform) -> dict[str, str]:
    """One that is tokens for good, one that the broker does not fill, one that it refuses."""
    settled = journey.buy(customer)
    journey.until_minted(customer)
    platform.chain.mine(12)
    platform.until(lambda: not _is_live(customer, settled))
    paths = {"settled": settled}
    for name, scenario in (("waiting", "hold"), ("rejected", "reject")):
        platform.broker.scenario({"do": scenario})
        paths[name] = journey.buy(customer)
    platform.until(lambda: not _is_live(customer, paths["rejected"]))
    return paths


def _is_live(visitor: Visitor, order_path: str) -> bool:
    return visitor.context.request.get(f"{visitor.url}{order_path}progress/").headers["x-live"] == "1"


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)
