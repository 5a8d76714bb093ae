"""`make sweep`: every crash point, hits 1 to 3, each death completed and judged by itself. Exit 0: all are well.

    python -m agora.tests.sweep [--hits 3] [--only mint.]

Prints a table, and writes it to sweep.csv in AGORA_HOME. A point that never fired is a failure.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from agora.tests.sweep.engine import Death

COLUMNS = ("point", "hit", "process", "died", "completed_in_s", "verdict")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hits", type=int, default=3, help="up to which hit of each point; default 3")
    parser.add_argument("--only", default="", help="points whose name begins so")
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agora.settings")
    django.setup()
    path = Path(os.environ.get("AGORA_HOME", ".agora")) / "sweep.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    started, deaths = time.monotonic(), []
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for death in _deaths(asked.only, asked.hits):
            deaths.append(death)
            table.writerow(_row(death))
            file.flush()
            _say("{:32} {:>3}  {:9} {:5} {:>6}  {}".format(*_row(death)))
    return _conclude(deaths, time.monotonic() - started, path)


def _deaths(only: str, hits: int) -> Iterator[Death]:
    from agora.tests.sweep.cases import all_cases
    from agora.tests.sweep.engine import die_and_complete
    from agora.tests.sweep.yard import running

    cases = [case for case in all_cases() if case.point.startswith(only)]
    with tempfile.TemporaryDirectory(prefix="agora-sweep-") as folder, running(Path(folder)) as yard:
        for hit in range(1, hits + 1):
            for case in sorted(cases, key=lambda case: (case.work.__name__, case.point)):
                yield from die_and_complete(yard, [(case, hit)])


def _row(death: Death) -> tuple[str, int, str, str, str, str]:
    seconds = "" if death.completed_in is None else f"{death.completed_in:.1f}"
    died = "yes" if death.died else "NO"
    return death.case.point, death.hit, death.case.process, died, seconds, death.verdict


def _conclude(deaths: list[Death], seconds: float, path: Path) -> int:
    bad = [death for death in deaths if death.verdict != "ok"]
    _say_times("from the kill to everything complete", [d for d in deaths if not d.case.point.startswith("webhook.")])
    _say_times("the same, for what integrators hear", [d for d in deaths if d.case.point.startswith("webhook.")])
    _say(f"{len(deaths)} deaths in {seconds / 60:.0f} minutes, {len(bad)} not well; {path}")
    return 1 if bad or not deaths else 0


def _say_times(what: str, deaths: list[Death]) -> None:
    times = [death.completed_in for death in deaths if death.completed_in is not None]
    if len(times) > 1:
        hundredths = statistics.quantiles(times, n=100, method="inclusive")
        _say(f"{what}: p50 {hundredths[49]:.1f} s, p99 {hundredths[98]:.1f} s")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
