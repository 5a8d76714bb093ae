"""How the processes behind the loop stand: the database, the queue, the loops, what stands still."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count
from django_q.models import Failure, OrmQ

from agora.lib.heartbeats import heartbeats
from agora.lib.metrics import Gauge, Reading, Source, seconds_since
from agora.panels import LOOPS, turning_loops, workers
from agora.stuck import OLDER_THAN, find_stuck

LATELY = timedelta(minutes=15)

CONNECTIONS = Gauge(name="agora_database_connections", help="Connections to our database, ours and others'.")
CONNECTIONS_MOST = Gauge(name="agora_database_connections_most", help="max_connections of the server.")
# Not the age of transactions: of other roles' sessions the web's role sees none. Locks are seen by all.
LOCK_WAIT = Gauge(name="agora_database_lock_wait_seconds", help="How long a session has waited for a lock, at most.")
SIZE = Gauge(name="agora_database_bytes", help="Size of our database.")

TASKS = Gauge(name="agora_queue_tasks", help="Queued tasks.", labels=("state",))
FAILED = Gauge(
    name="agora_tasks_failed", help="Tasks that ended by an error in the last quarter of an hour.", labels=("task",)
)
OLDEST = Gauge(name="agora_queue_oldest_seconds", help="How long the oldest task has waited for a worker.")

LOOP = Gauge(name="agora_loop_turning", help="1 if some follower turns this loop.", labels=("loop",))
WORKERS = Gauge(name="agora_workers", help="Clusters of workers that listen to the queue.")

BEAT = Gauge(name="agora_heartbeat_seconds", help="How long ago a loop, or a worker, last turned.", labels=("process",))
SKEW = Gauge(
    name="agora_clock_skew_seconds",
    help="How far the clock of the machine that turns it is ahead of the database's.",
    labels=("process",),
)

STUCK = Gauge(
    name="agora_stuck", help="Rows that have not moved for a minute, by what they wait for.", labels=("kind", "cause")
)
STUCK_OLDEST = Gauge(name="agora_stuck_oldest_seconds", help="How long the longest of them has stood.")


def _database(*, now: datetime) -> Iterator[Reading]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), current_setting('max_connections')::int, pg_database_size(current_database()),"
            " (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart)), 0) FROM pg_locks l"
            "   JOIN pg_database d ON d.oid = l.database WHERE NOT granted AND d.datname = current_database())"
            " FROM pg_stat_activity WHERE datname = current_database()"
        )
        used, most, size, waits = cursor.fetchone()
    yield CONNECTIONS.is_at(used)
    yield CONNECTIONS_MOST.is_at(most)
    yield LOCK_WAIT.is_at(max(0, waits))
    yield SIZE.is_at(size)


def _queue(*, now: datetime) -> Iterator[Reading]:
    waiting = OrmQ.objects.filter(lock__lte=now).order_by("lock")
    yield TASKS.is_at(waiting.count(), state="waiting")
    yield TASKS.is_at(OrmQ.objects.filter(lock__gt=now).count(), state="claimed")
    failed = Failure.objects.filter(stopped__gt=now - LATELY)
    for row in failed.values("func").annotate(number=Count("pk")).order_by("func"):
        yield FAILED.is_at(row["number"], task=row["func"])
    yield OLDEST.is_at(seconds_since(waiting.values_list("lock", flat=True).first(), now))


def _processes(*, now: datetime) -> Iterator[Reading]:
    turning = turning_loops()
    for name in LOOPS:
        yield LOOP.is_at(name in turning, loop=name)
    yield WORKERS.is_at(workers())
    for one in heartbeats():
        yield BEAT.is_at(one.age, process=one.name)
        yield SKEW.is_at(one.skew, process=one.name)


def _stuck(*, now: datetime) -> Iterator[Reading]:
    rows = find_stuck(older_than=OLDER_THAN, now=now)
    for (kind, cause), number in Counter((row.kind, row.cause) for row in rows).items():
        yield STUCK.is_at(number, kind=kind, cause=cause)
    yield STUCK_OLDEST.is_at(seconds_since(rows[0].since if rows else None, now))


DATABASE = Source(name="database", gauges=(CONNECTIONS, CONNECTIONS_MOST, LOCK_WAIT, SIZE), read=_database)
QUEUE = Source(name="queue", gauges=(TASKS, FAILED, OLDEST), read=_queue)
PROCESSES = Source(name="processes", gauges=(LOOP, WORKERS, BEAT, SKEW), read=_processes)
STILL = Source(name="stuck", gauges=(STUCK, STUCK_OLDEST), read=_stuck)
