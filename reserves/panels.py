"""What the console's home page says about reserves."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.urls import reverse

from agora.lib.charts import bar_chart
from agora.lib.money import plain
from agora.lib.panels import BAD, LOOK, OK, Fact, Panel, PanelSource
from reserves.models import Break, ReconciliationRun, ReserveReport
from reserves.models.reporting import DRAFT_VALID
from reserves.selectors import positions

SHOWN = 5
OLD = timedelta(minutes=15)  # a comparison is due that often


def _breaks(*, now: datetime) -> Panel:
    rows = Break.objects.filter(closed_at=None).select_related("asset").order_by("opened_at")
    facts = [
        Fact(
            label=f"{row.asset.symbol}: {row.get_kind_display()}",
            value=plain(row.quantity),
            level=BAD,
            since=row.opened_at,
            url=reverse("admin:reserves_break_change", args=[row.pk]),
        )
        for row in rows[:SHOWN]
    ]
    return Panel(title="The books differ", facts=tuple(facts), empty="The books agree.")


def _reports(*, now: datetime) -> Panel:
    drafts = ReserveReport.objects.filter(approval=None, drafted_at__gt=now - DRAFT_VALID).select_related("asset")
    facts = [
        Fact(
            label=f"{row.asset.symbol}: {row}",
            value=f"{row.holders} holders",
            level=LOOK,
            since=row.drafted_at,
            url=reverse("admin:reserves_reservereport_change", args=[row.pk]),
        )
        for row in drafts.order_by("drafted_at")[:SHOWN]
    ]
    return Panel(title="Reserve reports to approve", facts=tuple(facts))


def _reserves(*, now: datetime) -> Panel:
    facts = []
    for one in positions():
        is_short = one.ratio is not None and one.ratio < 1
        level = BAD if is_short or one.open_breaks else LOOK if now - one.as_of > OLD else OK
        value = "nothing minted" if one.ratio is None else f"{one.ratio:.4f} shares a token"
        facts.append(Fact(label=one.symbol, value=value, since=one.as_of, level=level, url=_runs()))
    latest = list(ReconciliationRun.objects.order_by("-as_of")[:24])[::-1]
    chart = bar_chart(
        title="Tokens that exist, at each of the last comparisons",
        label_head="When (UTC)",
        value_head="Tokens",
        values=[(f"{run.as_of:%H:%M}", float(run.supply), plain(run.supply)) for run in latest],
    )
    return Panel(
        title="Reserves",
        facts=tuple(facts),
        chart=chart if any(run.supply for run in latest) else None,
        empty="Nothing compared yet.",
    )


def _runs() -> str:
    return reverse("admin:reserves_reconciliationrun_changelist")


REPORTS = PanelSource(permission="reserves.view_reservereport", build=_reports)
BREAKS = PanelSource(permission="reserves.view_break", build=_breaks)
RESERVES = PanelSource(permission="reserves.view_reconciliationrun", build=_reserves)
