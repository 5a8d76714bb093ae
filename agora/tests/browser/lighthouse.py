"""Lighthouse's scores of a page, as a phone on a slow line sees it (its own default), signed in or not."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agora.tests.browser import chromium

RUNNER = Path(__file__).with_name("lighthouse.mjs")
WITHIN = 150  # seconds; the runner itself gives up before
GOOD = 95
RUNS = 3
Cookies = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Scores:
    scores: dict[str, int]  # performance, accessibility, best-practices: per cent
    lost: list[str]  # the audits that cost something, in words

    @property
    def is_good(self) -> bool:
        return min(self.scores.values()) >= GOOD

    def __str__(self) -> str:
        return "\n  ".join([str(self.scores), *self.lost])


def assert_good(url: str, *, cookies: Cookies = (), strategy: str = "mobile") -> Scores:
    """95 or more in each category. Performance is measured on a busy machine: a miss counts by the median of three."""
    runs = [run(url, cookies=cookies, strategy=strategy)]
    while not runs[0].is_good and len(runs) < RUNS:
        runs.append(run(url, cookies=cookies, strategy=strategy))
    scores = {name: round(statistics.median(one.scores[name] for one in runs)) for name in runs[0].scores}
    verdict = Scores(scores, min(runs, key=lambda one: one.scores["performance"]).lost)
    assert verdict.is_good, f"{url}: median of {len(runs)} {verdict}"
    return verdict


def run(url: str, *, cookies: Cookies = (), strategy: str = "mobile") -> Scores:
    """One run; `cookies` as Playwright's storage state has them. `strategy`: mobile or desktop."""
    jar = [{name: cookie[name] for name in ("name", "value", "domain", "path", "httpOnly")} for cookie in cookies]
    asked = {"url": url, "cookies": jar, "chromium": chromium.find(), "flags": chromium.FLAGS, "strategy": strategy}
    done = subprocess.run(
        ["node", str(RUNNER)], input=json.dumps(asked), capture_output=True, text=True, timeout=WITHIN
    )
    assert done.returncode == 0, f"{url}: {done.stdout}{done.stderr}"
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert not answer["error"], f"{url}: {answer['error']}"
    assert answer["finalUrl"] == url, f"asked for {url}, shown {answer['finalUrl']}: signed out?"
    return Scores(answer["scores"], answer["lost"])
