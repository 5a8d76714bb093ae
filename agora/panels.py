"""What the console's home page says about the processes behind the loop."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.urls import reverse
from django_q.models import Failure, OrmQ

from agora.lib import locks
from agora.lib.doorbell import WORKER
from agora.lib.panels import BAD, LOOK, OK, Fact, Panel, PanelSource
from agora.stuck import OLDER_THAN, find_stuck
from orders.selectors import FAILED, HELD, UNCERTAIN

LOOPS = (
    *("trade-stream", "broker-list", "chain", "sweep", "prices", "corporate-actions", "rates", "monitor"),
    *("webhooks", "attest", "reports", "reconcile", "budgets", "audit-seal"),
)
PROMPT = timedelta(seconds=30)  # a queued task has begun by then, if a worker lives


def _loop(*, now: datetime) -> Panel:
    turning = turning_loops()
    idle = [name for name in LOOPS if name not in turning]
    facts = [
        Fact(
            label="Follower's loops that turn",
            value=f"{len(turning)} of {len(LOOPS)}" + (f"; not: {', '.join(idle)}" if idle else ""),
            level=BAD if idle else OK,
        )
    ]
    waiting = OrmQ.objects.filter(lock__lte=now).order_by("lock")
    oldest = waiting.values_list("lock", flat=True).first()
    is_late = oldest is not None and now - oldest > PROMPT
    url = reverse("admin:django_q_ormq_changelist")
    facts.append(
        Fact(
            label="Tasks that wait for a worker",
            value=str(waiting.count()),
            since=oldest if is_late else None,
            level=BAD if is_late else OK,
            url=url,
        )
    )
    facts.append(_standing_still(now))
    if failed := Failure.objects.filter(stopped__gt=now - timedelta(days=1)).count():
        url = reverse("admin:django_q_failure_changelist")
        facts.append(Fact(label="Tasks that failed in a day", value=str(failed), level=LOOK, url=url))
    return Panel(title="The loop", facts=tuple(facts))


def _standing_still(now: datetime) -> Fact:
    rows = find_stuck(older_than=OLDER_THAN, now=now)
    bad = sum(row.cause in (FAILED, UNCERTAIN, HELD) for row in rows)
    value = f"{len(rows)}, {bad} of them failed, uncertain or on hold" if bad else str(len(rows))
    since = rows[0].since if rows else None
    level = BAD if bad else LOOK if rows else OK
    return Fact(label="What stands still", value=value, since=since, level=level, url=reverse("admin:stuck"))


def turning_loops() -> set[str]:
    """A loop's holder keeps an advisory lock on its connection: it is there exactly while a process lives."""
    numbers = {locks.key("loop", name): name for name in LOOPS}
    return {name for number, name in numbers.items() if number in locks.held()}


def workers() -> int:
    """How many clusters listen to the queue; each shares a lock as long as its connection lives."""
    return locks.held()[WORKER]


LOOP = PanelSource(permission="orders.view_order", build=_loop)
