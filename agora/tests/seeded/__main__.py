"""`make seeded-bugs`: plant each bug, see it caught, and see that nothing is found without it. A table; exit 0: all."""

from __future__ import annotations

import re
import sys

import pytest

from agora.tests.seeded.bugs import BUGS

HERE = "agora/tests/seeded"


class Table:
    """What each test said, by the name of its bug."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[float, str, list[str]]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = re.search(r"is_caught\[(\w+)]", report.nodeid)
        if name and report.when == "call":
            evidence = dict(report.user_properties).get("evidence", [])
            self.rows[name[1]] = (report.duration, report.outcome, list(evidence))

    def told(self) -> str:
        lines = ["| bug | caught by | s | first words |", "|---|---|---|---|"]
        for name in BUGS:
            seconds, _, evidence = self.rows.get(name, (0.0, "", []))
            by = ", ".join(dict.fromkeys(line.partition(":")[0] for line in evidence)) or "NOTHING"
            first = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|0x[0-9a-f]+|agora-[0-9a-f]{32}", "…", (evidence or [""])[0])
            lines.append(f"| `{name}` | {by} | {seconds:.1f} | {first[:110]} |")
        return "\n".join(lines)


def main() -> int:
    table = Table()
    code = pytest.main([HERE, "-m", "seeded or not seeded", "--timeout", "300", *sys.argv[1:]], plugins=[table])
    sys.stdout.write(f"\n{table.told()}\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
