"""A line over time as plain geometry: `components/_line_chart.html` draws it as SVG, with its ends in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

WIDTH, HEIGHT, EDGE = 640, 140, 6  # in the SVG's own units


@dataclass(frozen=True, slots=True)
class LineChart:
    points: str  # of an SVG polyline
    goal_y: str  # where the line ought to be
    lowest: Decimal
    highest: Decimal
    first_at: datetime
    last_at: datetime
    view_box: str = f"0 0 {WIDTH} {HEIGHT}"
    width: int = WIDTH


def line_chart(values: Sequence[tuple[datetime, Decimal]], *, goal: Decimal) -> LineChart | None:
    """`values` oldest first; None where there are fewer than two. The scale always holds `goal`."""
    if len(values) < 2:
        return None
    first_at, last_at = values[0][0], values[-1][0]
    heights = [value for _, value in values]
    low, high = min(*heights, goal), max(*heights, goal)
    span = (last_at - first_at).total_seconds() or 1.0

    def x(at: datetime) -> float:
        return (at - first_at).total_seconds() / span * WIDTH

    def y(value: Decimal) -> float:
        share = float((value - low) / (high - low)) if high > low else 0.5
        return HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE)

    points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in values)
    return LineChart(points, f"{y(goal):.1f}", min(heights), max(heights), first_at, last_at)
