"""`make corpus`: real-world answers of nodes, brokers, custodians and proxies, run through our adapters.

Each app has its table (`<app>.tests.corpus.table`): rows of (source, answer in short, class, what the order does). It
raises AssertionError where an answer would be final without being a documented refusal. Exit code 1 then, and where a
table is missing or too small: what was not tried is not proven.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence

Row = tuple[str, str, str, str]

TABLES = {"minting": 150, "orders": 60, "custody": 40}  # by app: at least so many answers
WIDTHS = (44, 60, 14, 40)


def main() -> int:
    """Print each app's table, then how many answers fell into which class."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agora.settings")
    import django

    django.setup()
    problems: list[str] = []
    classes: Counter[tuple[str, str]] = Counter()
    for app, least in TABLES.items():
        try:
            rows = table_of(app)()
        except ModuleNotFoundError as missing:
            problems.append(f"{app}: no table ({missing})")
            continue
        except AssertionError as wrong:
            problems.append(f"{app}: {wrong}")
            continue
        _say(f"\n{app}: {len(rows)} answers")
        for row in rows:
            _say(line(row))
        classes.update((app, row[2]) for row in rows)
        problems += faults(app, rows, least=least)
    _say("")
    for (app, kind), number in sorted(classes.items()):
        _say(f"{app:<10} {kind:<16} {number:>5}")
    _say(f"{'all':<10} {'':<16} {classes.total():>5}")
    for problem in problems:
        _say(f"WRONG: {problem}")
    return 1 if problems else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def faults(app: str, rows: Sequence[Row], *, least: int) -> list[str]:
    """What is wrong with a table as a whole."""
    found = [] if len(rows) >= least else [f"{app}: {len(rows)} answers, and at least {least} are wanted"]
    unsourced = [row[1] for row in rows if not row[0].strip()]
    twice = [row for row, number in Counter(rows).items() if number > 1]
    found += [f"{app}: no source: {answer}" for answer in unsourced]
    return found + [f"{app}: twice: {row[0]} {row[1]}" for row in twice]


def line(row: Row) -> str:
    """One row of the printed table; what does not fit is cut, for a terminal."""
    cells = zip((" ".join(str(cell).split()) for cell in row), WIDTHS, strict=True)
    return "  ".join(
        (cell if len(cell) <= width else cell[: width - 1] + "…").ljust(width) for cell, width in cells
    ).rstrip()


def table_of(app: str) -> Callable[[], Sequence[Row]]:
    """Raises ModuleNotFoundError."""
    found: Callable[[], Sequence[Row]] = importlib.import_module(f"{app}.tests.corpus").table
    return found


if __name__ == "__main__":
    sys.exit(main())
