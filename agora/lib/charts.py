"""Charts as plain geometry, drawn by `templates/admin/_chart.html` as SVG with a title and the same figures as a table.

No script and no style attribute: what it looks like is in console.css.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, FOOT = 640, 160, 22  # in the SVG's own units; FOOT holds the labels
GAP = 0.4  # of a bar's place


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    value: str  # as it is shown
    x: str
    y: str
    width: str
    height: str
    middle: str
    has_label: bool


@dataclass(frozen=True, slots=True)
class Chart:
    title: str  # a sentence: what is to be seen
    label_head: str
    value_head: str
    bars: tuple[Bar, ...]
    view_box: str = f"0 0 {WIDTH} {HEIGHT}"
    baseline: int = HEIGHT - FOOT
    label_at: int = HEIGHT - 6
    width: int = WIDTH


def bar_chart(
    *, title: str, label_head: str, value_head: str, values: Sequence[tuple[str, float, str]], labels: int = 7
) -> Chart:
    """`values`: label, height ≥ 0, text; about `labels` of the labels are written below the bars."""
    most = max((height for _, height, _ in values), default=0) or 1
    place = WIDTH / max(1, len(values))
    every = max(1, -(-len(values) // labels))
    bars = [
        _bar(label, height / most, text, place, number, has_label=(len(values) - 1 - number) % every == 0)
        for number, (label, height, text) in enumerate(values)
    ]
    return Chart(title, label_head, value_head, tuple(bars))


def _bar(label: str, share: float, text: str, place: float, number: int, *, has_label: bool) -> Bar:
    tall = share * (HEIGHT - FOOT - 6)
    return Bar(
        label=label,
        value=text,
        x=f"{place * (number + GAP / 2):.2f}",
        y=f"{HEIGHT - FOOT - tall:.2f}",
        width=f"{place * (1 - GAP):.2f}",
        height=f"{tall:.2f}",
        middle=f"{place * (number + 0.5):.2f}",
        has_label=has_label,
    )
