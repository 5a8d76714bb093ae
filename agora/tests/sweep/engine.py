"""One death after the other, what was in hand completed after them, and the verdict of the outside world's own logs."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import requests

from agora.lib.supervisor import ServiceFailed
from agora.tests import e2e
from agora.tests.sweep.other_works import Deploying
from agora.tests.sweep.works import Work
from agora.tests.sweep.yard import Yard

LOOK_EVERY = 0.05
DIES_WITHIN = 60.0  # seconds
COMPLETES_WITHIN = 60.0

Process = Literal["worker", "follower", "either", "web", "command"]


@dataclasses.dataclass(frozen=True)
class Case:
    """A point, who passes it, and doing what; "either": the worker or the follower, whoever comes first."""

    point: str
    process: Process
    work: Callable[[Yard], Work]
    hits: tuple[int, ...] = (1, 2, 3)


@dataclasses.dataclass
class Death:
    case: Case
    hit: int
    died: bool = False
    completed_in: float | None = None  # seconds from the kill; of the last of several deaths only
    problems: list[str] = dataclasses.field(default_factory=list)

    @property
    def verdict(self) -> str:
        return "ok" if self.died and not self.problems else "; ".join(self.problems) or "never fired"


def die_and_complete(yard: Yard, cases: Sequence[tuple[Case, int]]) -> list[Death]:
    """Die at each, of the same kind of work; then let everything complete, and judge. The processes run afterwards."""
    work, before = cases[0][0].work(yard), yard.effects()
    deaths, killed_at = [], time.monotonic()
    for case, hit in cases:
        death = Death(case, hit)
        deaths.append(death)
        try:
            killed_at = _die(yard, work, death)
        except (AssertionError, requests.RequestException, ServiceFailed) as problem:
            death.problems.append(f"{type(problem).__name__}: {problem}"[:300])
            _revive(yard)
        work.heal()
    last = deaths[-1]
    try:
        yard.until(work.is_done, within=COMPLETES_WITHIN)
        last.completed_in = time.monotonic() - killed_at
        last.problems += _judge(yard, work, before)
    except AssertionError:
        last.problems.append(f"not complete: {work.describe()}")
    return deaths


def _die(yard: Yard, work: Work, death: Death) -> float:
    """Start the process armed, give it work until it dies at its point, start it anew; when it died."""
    crash_at = f"{death.case.point}:{death.hit}"
    if isinstance(work, Deploying):
        death.died = work.deploy(crash_at=crash_at, hits=death.hit)
        return time.monotonic()
    names = ("worker", "follower") if death.case.process == "either" else (death.case.process,)
    marks = {name: _size(yard.log_of(name)) for name in names}
    for name in names:
        yard.kill(name)
        with suppress(ServiceFailed):  # what was open already has killed it: the log says so
            yard.start(name, AGORA_CRASH_AT=crash_at)
    families = [process for name in names for process in yard.family(name)]
    work.begin(death.hit)
    deadline, more_at = time.monotonic() + DIES_WITHIN, time.monotonic() + work.more_every
    while families and not any(map(e2e.is_dead, families)) and time.monotonic() < deadline:
        if time.monotonic() >= more_at:
            work.more()
            more_at = time.monotonic() + work.more_every
        time.sleep(LOOK_EVERY)
    died_at = time.monotonic()
    for name in names:
        yard.kill(name)
    said = "".join(_said_since(yard.log_of(name), mark) for name, mark in marks.items())
    death.died = f"crash point {death.case.point}: SIGKILL at hit {death.hit}" in said
    for name in names:
        yard.start(name)
    return died_at


def _revive(yard: Yard) -> None:
    for name in e2e.OURS:
        family = yard.family(name)
        if not family or any(map(e2e.is_dead, family)):
            yard.kill(name)
            yard.start(name)


def _judge(yard: Yard, work: Work, before: e2e.Effects) -> list[str]:
    """The vendors' logs and the chain, one look a second apart at most: mints may be a block behind."""
    problems: list[str] = []
    try:
        yard.until(lambda: yard.effects() - before == work.expected(), within=5.0)
    except AssertionError:
        problems.append(f"effects {yard.effects() - before}, wanted {work.expected()}")
    violations = yard.call("audit")
    return [*problems, *work.faults(), *(f"audit: {violation}" for violation in violations)]


def _size(path: str) -> int:
    return Path(path).stat().st_size if Path(path).exists() else 0


def _said_since(path: str, mark: int) -> str:
    with Path(path).open("rb") as log:
        log.seek(mark)
        return log.read().decode(errors="replace")
