"""The queue's broker: django-q2's table, rung by LISTEN/NOTIFY instead of being polled.

A task is a row inserted in the caller's transaction, and the NOTIFY beside it is delivered when that transaction
commits: rolled back, neither happened. A ring that gets lost costs one `poll`, never a task. Delivery stays at least
once: a claimed row is locked for `retry` seconds and is handed out again unless it is acknowledged by then.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime
from typing import Any

import psycopg
from django.db import InterfaceError, OperationalError, connections
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ

from agora.lib import locks

CHANNEL = "agora_q"
WORKER = locks.key("process", "worker")  # shared by every cluster that listens: who lives can be counted
ACKNOWLEDGE_FOR = 20.0  # seconds: a restart of PostgreSQL is shorter; later, the row is simply handed out again

# The driver's own errors come from the listening connection, which is not wrapped by Django.
LOST = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)

_TABLE = OrmQ._meta.db_table
# One round trip. The server's clock alone decides about locks, so that workers on several machines agree.
_ENQUEUE = f"""
    WITH task AS (INSERT INTO {_TABLE} (key, payload, lock) VALUES (%s, %s, clock_timestamp()) RETURNING id, key)
    SELECT id, pg_notify('{CHANNEL}', key) FROM task"""  # noqa: S608 -- names, not values
# The lock's last three digits (microseconds) name the cluster that claimed it, so that its watchdog can release it.
# ARRAY(…) makes the inner select run once; SKIP LOCKED lets clusters claim beside each other without waiting.
_CLAIM = f"""
    UPDATE {_TABLE} SET lock = date_trunc('milliseconds', clock_timestamp()) + make_interval(secs => %s)
    WHERE id = ANY (ARRAY(
        SELECT id FROM {_TABLE} WHERE key = %s AND lock <= clock_timestamp()
        ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED))
    RETURNING id, payload"""  # noqa: S608 -- names, not values
_RELEASE = f"""
    WITH task AS (
        UPDATE {_TABLE} SET lock = clock_timestamp()
        WHERE key = %s AND lock > clock_timestamp() AND extract(microseconds FROM lock)::int %% 1000 = %s RETURNING id)
    SELECT count(*), pg_notify('{CHANNEL}', %s) FROM task"""  # noqa: S608 -- names, not values

logger = logging.getLogger("django-q")


def queue_delay(*, now: datetime) -> float:
    """For how long the next task has waited to be claimed, in seconds; 0 when none does."""
    waiting = OrmQ.objects.using(Conf.ORM).filter(key=Conf.CLUSTER_NAME, lock__lte=now)
    since = waiting.order_by("id").values_list("lock", flat=True).first()
    return (now - since).total_seconds() if since else 0.0


class Doorbell(ORM):
    """`Q_CLUSTER["broker_class"]`. One object a process calls dequeue (the pusher); any process may enqueue."""

    claimant = 0  # 0 … 999; two clusters of the same number only release each other's tasks, which run once more
    _listener: psycopg.Connection | None = None
    _lost_since: float | None = None

    @staticmethod
    def get_connection(list_key: str | None = None) -> Any:
        """The queue's rows. Unlike django-q2's, it does not close the caller's connection when it has become old."""
        return OrmQ.objects.using(Conf.ORM)

    def enqueue(self, task: str) -> int:
        with connections[Conf.ORM].cursor() as cursor:
            cursor.execute(_ENQUEUE, [self.list_key or Conf.CLUSTER_NAME, task])
            return int(cursor.fetchone()[0])

    def dequeue(self) -> list[tuple[int, str]] | None:
        """Claim up to `bulk` tasks; when there is none, wait for a ring or for `poll` seconds and answer None.

        A lost database is waited out here: an exception would end the pusher, after ten seconds of sleep.
        """
        try:
            self._listen()
            tasks = self._claim()
            if not tasks:
                self._wait_for_ring()
        except LOST as error:
            self._hang_up(error)
            return None
        if self._lost_since is not None:
            logger.warning("The queue's database is back after %.1f s", time.monotonic() - self._lost_since)
            self._lost_since = None
        return tasks

    def delete(self, task_id: int) -> None:
        """Remove a finished task (acknowledge and fail call this); keep trying while PostgreSQL restarts."""
        deadline = time.monotonic() + ACKNOWLEDGE_FOR
        while True:
            try:
                super().delete(task_id)
            except LOST:
                connections[Conf.ORM].close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def release_claims(self) -> int:
        """Hand out at once what this claimant had claimed and, being dead, will not finish. Returns how many."""
        with connections[Conf.ORM].cursor() as cursor:
            cursor.execute(_RELEASE, [self.list_key, self.claimant, self.list_key])
            return int(cursor.fetchone()[0])

    def _claim(self) -> list[tuple[int, str]]:
        with connections[Conf.ORM].cursor() as cursor:
            cursor.execute(_CLAIM, [Conf.RETRY + self.claimant / 1e6, self.list_key, Conf.BULK])
            return sorted(cursor.fetchall())

    def _listen(self) -> None:
        """Be listening before looking at the table: what commits after that look rings."""
        if self._listener is not None:
            for _ring in self._listener.notifies(timeout=0):  # old rings: the look at the table answers them all
                pass
            return
        # A second connection with the Django connection's parameters, made by its backend (which may start a server).
        wrapper = connections[Conf.ORM].copy()
        listener: psycopg.Connection = wrapper.get_new_connection(wrapper.get_connection_params())
        listener.autocommit = True
        listener.execute(f"LISTEN {CHANNEL}")
        listener.execute("SELECT pg_advisory_lock_shared(%s)", [WORKER])
        self._listener = listener

    def _wait_for_ring(self) -> None:
        assert self._listener is not None
        deadline = time.monotonic() + Conf.POLL
        while (left := deadline - time.monotonic()) > 0:
            # The payload is the queue's name: another queue's ring is not for us.
            if any(ring.payload == self.list_key for ring in self._listener.notifies(timeout=left, stop_after=1)):
                return

    def _hang_up(self, error: Exception) -> None:
        if self._lost_since is None:
            self._lost_since = time.monotonic()
            logger.warning("The queue's database is lost, trying again every %s s: %s", Conf.POLL, error)
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        connections[Conf.ORM].close()
        time.sleep(Conf.POLL)
