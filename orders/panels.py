"""What the console's home page says about orders."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.urls import reverse

from agora.lib.charts import Chart, bar_chart
from agora.lib.panels import BAD, LOOK, OK, Fact, Panel, PanelSource
from orders.models import Order
from orders.states import WITHOUT_FILL
from orders.states import OrderStatus as S

DAYS = 14
SLOW, LATE = timedelta(minutes=15), timedelta(hours=24)


def _orders(*, now: datetime) -> Panel:
    open_orders = (
        Order.objects.filter(closing=None).exclude(status__in=[*WITHOUT_FILL, S.SETTLED]).order_by("created_at")
    )
    oldest = open_orders.first()
    facts = [Fact(label="Orders that are not settled", value=str(open_orders.count()), url=_list("?o=7"))]
    if oldest:
        age = now - oldest.created_at
        level = BAD if age > LATE else LOOK if age > SLOW else OK
        url = reverse("admin:orders_order_change", args=[oldest.pk])
        facts.append(Fact(label=f"The oldest is {oldest.status}", since=oldest.created_at, level=level, url=url))
    return Panel(title="Orders", facts=tuple(facts), chart=_by_day(now))


def _by_day(now: datetime) -> Chart | None:
    first = (now - timedelta(days=DAYS - 1)).date()
    rows = (
        Order.objects.filter(created_at__date__gte=first)
        .annotate(day=TruncDate("created_at"))
        .values_list("day")
        .annotate(orders=Count("pk"))
    )
    counts = dict(rows)
    if not counts:
        return None
    days = [first + timedelta(days=number) for number in range(DAYS)]
    return bar_chart(
        title=f"Orders accepted a day, the last {DAYS} days (UTC)",
        label_head="Day",
        value_head="Orders",
        values=[(f"{day:%d %b}", counts.get(day, 0), str(counts.get(day, 0))) for day in days],
    )


def _list(query: str) -> str:
    return reverse("admin:orders_order_changelist") + query


ORDERS = PanelSource(permission="orders.view_order", build=_orders)
