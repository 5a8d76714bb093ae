"""A line over time, as SVG will draw it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from agora.lib.line_charts import line_chart

START = datetime(2026, 11, 1, tzinfo=UTC)


def test_the_scale_holds_the_goal_even_when_no_value_does() -> None:
    chart = line_chart([(START, Decimal("1.2")), (START + timedelta(hours=1), Decimal("1.1"))], goal=Decimal(1))

    assert chart is not None
    assert chart.points == "0.0,6.0 640.0,70.0"
    assert chart.goal_y == "134.0"
    assert (chart.lowest, chart.highest) == (Decimal("1.1"), Decimal("1.2"))


def test_a_flat_line_lies_in_the_middle() -> None:
    chart = line_chart([(START, Decimal(1)), (START, Decimal(1))], goal=Decimal(1))

    assert chart is not None
    assert chart.points == "0.0,70.0 0.0,70.0"


def test_one_value_is_no_line() -> None:
    assert line_chart([(START, Decimal(1))], goal=Decimal(1)) is None
