"""What Prometheus is told, and by whom (ADR 0012). Two kinds, declared where their subject lives:

*Tallies* count what happens, in the process where it happens: `CALLS.observe(0.2, vendor="broker", outcome="ok")`. Each
process writes a file of its own in METRICS_DIR, which any process of the machine adds up. A process takes the first
*slot* that no living process holds and goes on from the figures it finds there: kill -9 loses nothing, and the files
are as many as processes ever lived at once. Without METRICS_DIR nothing is counted and nothing is imported.

*Sources* tell how things stand: read from the database when Prometheus asks, each within its own time limit
(agora/lib/scraping.py). Correct after any crash, and the same whoever is asked.

Labels are ours and few: statuses, kinds, routes; never an id, a name or an address of somebody.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from agora.lib import log

logger = log.get(__name__)

# Seconds. A call or a request; a step of an order, which may wait for a market to open.
CALL_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STEP_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0)

FILE_SIZE = 1 << 16  # as the library begins one; it doubles it as it needs

_slots: dict[int, int] = {}  # by process id
_lock = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """One figure of how things stand, by its labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()

    def is_at(self, value: float, **labels: str) -> Reading:
        return Reading(self, tuple(labels[name] for name in self.labels), float(value))


@dataclass(frozen=True, slots=True)
class Reading:
    gauge: Gauge
    labels: tuple[str, ...]
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """`read(now=…)` is called at each scrape, in a read-only transaction that ends after seconds."""

    name: str
    gauges: tuple[Gauge, ...]
    read: Callable[..., Iterable[Reading]]


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How often something happened and how long it took: `<name>_count`, `<name>_sum`, `<name>_bucket`."""

    name: str
    help: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = CALL_BUCKETS

    def observe(self, seconds: float, **labels: str) -> None:
        """Count it. A folder that cannot be written costs the figure, never what is being counted."""
        if not settings.METRICS_DIR:
            return
        try:
            self._metric().labels(**labels).observe(seconds)
        except OSError as problem:
            logger.warning("not counted", tally=self.name, detail=str(problem))

    def _metric(self) -> Any:
        found = self.__dict__.get("_made")
        if found is None:
            with _lock:
                found = self.__dict__.get("_made")
                if found is None:
                    found = _make(self)
                    object.__setattr__(self, "_made", found)
        return found


MOVES = Tally(
    name="agora_moves_seconds",
    help="Moves of rows that walk a state machine, by how long they had stood in the status they left.",
    labels=("row", "before", "after"),
    buckets=STEP_BUCKETS,
)
ORDER_AGES = Tally(
    name="agora_order_age_seconds",
    help="How old orders were when they came to a status.",
    labels=("status",),
    buckets=STEP_BUCKETS,
)
REQUESTS = Tally(
    name="agora_http_request_seconds", help="Requests to the web process.", labels=("method", "route", "status")
)
CALLS = Tally(
    name="agora_vendor_call_seconds",
    help="HTTP calls to vendors and nodes, by what came of them on the wire.",
    labels=("vendor", "server", "outcome"),
)
TASKS = Tally(name="agora_task_seconds", help="Tasks of the queue.", labels=("task", "outcome"))
LOOP_TROUBLES = Tally(
    name="agora_loop_trouble_seconds",
    help="How long a follower's loop had turned when it met trouble and waited.",
    labels=("loop", "kind"),
    buckets=STEP_BUCKETS,
)
ROW_TROUBLES = Tally(
    name="agora_row_trouble_seconds",
    help="Rows that a loop left alone because of an error of their own, by how long their step had run.",
    labels=("loop", "kind"),
)
TALLIES = (MOVES, ORDER_AGES, REQUESTS, CALLS, TASKS, LOOP_TROUBLES, ROW_TROUBLES)


def _make(tally: Tally) -> Any:
    """The library's object. Its values live in the files of our slot; a fork is noticed at its next value."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = settings.METRICS_DIR  # where the library looks for its folder
    Path(settings.METRICS_DIR).mkdir(parents=True, exist_ok=True)
    from prometheus_client import Histogram, values

    if not getattr(values.ValueClass, "_agora", False):
        values.ValueClass = values.MultiProcessValue(process_identifier=slot)
        values.ValueClass._agora = True
    return Histogram(tally.name, tally.help, tally.labels, buckets=tally.buckets, registry=None)


def slot() -> int:
    """This process's number among those that live: held by a record lock, which dies with it and is not inherited."""
    pid = os.getpid()
    if pid not in _slots:
        _slots.clear()  # a parent's, before the fork
        _slots[pid] = _take_slot()
    return _slots[pid]


def _take_slot() -> int:
    """The file stays open, and so locked, as long as the process lives."""
    number = 0
    while True:
        held = _open_lock(Path(settings.METRICS_DIR) / f"slot-{number}.lock")
        try:
            fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(held)
            number += 1
        else:
            _make_file(Path(settings.METRICS_DIR) / f"histogram_{number}.db")
            return number


# Web, worker and follower may be users of their own, with any umask: what one left, the next of their group takes over.


def _open_lock(path: Path) -> int:
    try:
        made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, os.O_RDWR)
    os.fchmod(made, 0o660)
    return made


def _make_file(path: Path) -> None:
    """The library's file, if it is not there yet; under its name only when it can be read."""
    if path.exists():
        return
    draft = path.with_suffix(".new")
    made = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(made, 0o660)
    os.ftruncate(made, FILE_SIZE)
    os.close(made)
    draft.rename(path)


def seconds_since(then: datetime | None, now: datetime) -> float:
    """An age for a gauge; 0 where there is nothing that could be old."""
    return max(0.0, (now - then).total_seconds()) if then else 0.0
