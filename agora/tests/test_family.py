"""`manage.py run`: worker and follower, web and stream, in one family each."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest
import requests

from agora.lib.platform import MANAGE
from agora.tests import e2e

pytestmark = pytest.mark.timeout(180)
RECOVERY = 5.0  # seconds


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[e2e.Platform]:
    with e2e.running(tmp_path_factory.mktemp("small"), ours=e2e.SMALL_PROFILE) as platform:
        yield platform


def test_two_families_do_what_four_processes_do(small: e2e.Platform) -> None:
    before = small.effects()

    small.until_minted(small.place("0.25"))

    assert small.effects() - before == e2e.one_of_each("0.25")
    stream = requests.get(f"{small.layout.stream_url}/api/v1/events/stream", timeout=e2e.TIMEOUT)
    assert stream.status_code == 401  # it answers, and knows nobody without a token
    assert small.violations() == []


@pytest.mark.parametrize(("family", "loses"), [("front", 1), ("back", 0), ("back", 1)])
def test_a_family_ends_as_one(small: e2e.Platform, family: str, loses: int) -> None:
    """A member that is killed takes the others along, gracefully, and a supervisor starts all of them anew."""
    parent, *others = small.family(family)
    member = parent.children()[loses]

    member.kill()

    assert small.exit_code(family) == 1
    assert all(map(e2e.is_dead, others))
    small.stop(family)
    small.start(family)
    small.until_minted(small.place("0.25"))


def test_nobody_outlives_a_killed_parent(small: e2e.Platform) -> None:
    parent, *others = small.family("back")

    parent.send_signal(signal.SIGKILL)

    small.until(lambda: all(map(e2e.is_dead, others)), within=RECOVERY)
    small.stop("back")
    small.start("back")
    small.until_minted(small.place("0.25"))


@pytest.mark.parametrize("family", ["front", "back"])
def test_a_family_stops_as_asked(small: e2e.Platform, family: str) -> None:
    parent, *others = small.family(family)

    parent.terminate()

    assert small.exit_code(family) == 0
    assert all(map(e2e.is_dead, others))
    small.stop(family)
    small.start(family)


@pytest.mark.parametrize("members", [["signer"], ["worker", "worker"], ["migrate accounts zero"], [""]])
def test_others_are_no_members(members: list[str]) -> None:
    done = subprocess.run([*MANAGE, "run", *members], env=os.environ, capture_output=True, text=True, timeout=60)

    assert done.returncode == 1
    assert "each once, of: worker, follow, web, stream" in done.stderr
    assert "Traceback" not in done.stderr
