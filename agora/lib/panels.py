"""The console's home page, as plain values: each app says what needs somebody, and how things go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agora.lib.charts import Chart

OK, LOOK, BAD = "ok", "look", "bad"  # nothing to do; somebody should look; somebody must


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of a panel."""

    label: str
    value: str = ""
    level: str = OK
    url: str = ""  # where to act on it
    since: datetime | None = None  # its age is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    title: str
    facts: tuple[Fact, ...]
    chart: Chart | None = None
    empty: str = "Nothing needs you here."

    @property
    def level(self) -> str:
        levels = {fact.level for fact in self.facts}
        return next((level for level in (BAD, LOOK) if level in levels), OK)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelSource:
    """`build(now=…)` is called for staff who have the permission, at each look at the home page."""

    permission: str
    build: Callable[..., Panel]
