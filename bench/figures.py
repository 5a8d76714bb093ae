"""A measured figure beside its target, and the table and file of a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table. Without a bound it is a fact, stated for its own sake."""

    part: str
    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """OK, MISSED, or nothing where there is no target."""
        if self.at_most is not None:
            return "OK" if self.value <= self.at_most else "MISSED"
        if self.at_least is not None:
            return "OK" if self.value >= self.at_least else "MISSED"
        return ""

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"≤ {_short(self.at_most)}"
        return f"≥ {_short(self.at_least)}" if self.at_least is not None else ""


def table(figures: Sequence[Figure]) -> str:
    rows = [("part", "figure", "measured", "target", "", "")]
    rows += [(f.part, f.name, f"{_short(f.value)} {f.unit}".strip(), f.target, f.verdict, f.note) for f in figures]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in [lines[0], "-" * (sum(widths) + 8), *lines[1:]])


def write_results(path: Path, *, figures: Sequence[Figure], failed: dict[str, str], conditions: dict[str, Any]) -> None:
    """All of a run, for machines: each figure with its target and verdict, and under which conditions."""
    rows = [{**asdict(figure), "verdict": figure.verdict} for figure in figures]
    said = {"conditions": conditions, "figures": rows, "failed": failed}
    path.write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n")


def _short(value: float) -> str:
    """Three digits that count; whole numbers from 1,000 on."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
