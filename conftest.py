"""Fixtures for every test: a real database, a real chain, the vendors' SDKs against their sandboxes, over real HTTP."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import hypothesis
import pytest
from django.conf import settings

from agora.tests.flushing import let_flush_delete
from agora.tests.outside import Outside, start_outside
from agora.tests.world import World, build_world

# `make properties`; the profile by default is short and the same at each run (test_properties.py).
hypothesis.settings.register_profile("long", max_examples=60, stateful_step_count=40, print_blob=True)


@pytest.fixture(scope="session", autouse=True)
def _emptied_between_tests() -> None:
    """What a test seals is gone with its rows, so it is not noted on disk either."""
    let_flush_delete()
    settings.AUDIT_HEADS_FILE = ""


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> None:
    """Hundreds of tests make logins; a proper hash takes a fifth of a second. Whole platforms have the proper one."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """The broker, the custodian and the chain: processes of their own, shared by this worker's tests."""
    with start_outside(tmp_path_factory.mktemp("outside")) as running:
        yield running


@pytest.fixture
def world(outside: Outside, transactional_db: None) -> Iterator[World]:
    """A fresh installation against them: AAPL offered, its vault open, its token deployed, alice and bob approved."""
    outside.reset()
    with outside.configured():
        yield build_world(outside)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A failure is named when it happens: the suite takes minutes, and its summary comes last."""
    if report.failed:
        sys.stderr.write(f"\nfailed: {report.nodeid}\n")
