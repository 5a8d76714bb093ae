"""What the watchdog knows of its cluster, and when that means a hang. No clock of its own."""

from __future__ import annotations

import os

SENTINEL, SENT, EXECUTED, RETURNED, IDLE, BUSY = b"s", b"p", b"x", b"r", b"i", b"b"

GRACE = 4.0  # for a pulse that an idle worker could take; it normally comes back in 5 ms
PUSHER_GRACE = 6.0
SENTINEL_GRACE = 15.0  # its rounds are 0.5 s apart, but it also runs the schedules
START_GRACE = 30.0
BLINK = 2.0  # a watchdog that itself did not run for so long (suspended, starved) cannot judge


class Vitals:
    """The last signs of life, by `time.monotonic()` as the caller gives it."""

    def __init__(self, *, now: float) -> None:
        self.alive = False  # a pulse came back once
        self.idle_since: dict[int, float | None] = {}  # by worker; None while it runs a task
        self.waiting_since: float | None = None  # when the oldest pulse that has not come back was sent
        self.executed_at: float | None = None  # when that pulse was run by a worker
        self.forgive(now=now)

    def forgive(self, *, now: float) -> None:
        """Count every silence from now on."""
        self.started_at = self.sentinel_at = self.sent_at = self.looked_at = now
        self.waiting_since = None if self.waiting_since is None else now
        self.executed_at = None if self.executed_at is None else now
        self.idle_since = {pid: now if since is not None else None for pid, since in self.idle_since.items()}

    def record(self, station: bytes, pid: int, *, now: float) -> None:
        """One report of one process."""
        if station == SENTINEL:
            self.sentinel_at = now
        elif station == SENT:
            self.sent_at = now
            self.waiting_since = now if self.waiting_since is None else self.waiting_since
        elif station == EXECUTED:
            self.executed_at = now if self.executed_at is None else self.executed_at
        elif station == RETURNED:
            self.alive = True
            self.waiting_since = self.executed_at = None
        elif station == BUSY:
            self.idle_since[pid] = None
        elif self.idle_since.get(pid) is None:  # IDLE; a pulse leaves an idle worker idle since before
            self.idle_since[pid] = now

    def verdict(self, *, now: float) -> str:
        """Why the cluster hangs; empty when it does not, or when it is too early to say."""
        blinked = now - self.looked_at > BLINK
        self.looked_at = now
        if blinked:
            self.forgive(now=now)
        if not self.alive:
            return "no pulse came back since its start" if now - self.started_at > START_GRACE else ""
        if self.executed_at is not None and now - self.executed_at > GRACE:
            return "a worker ran the pulse and the monitor does not take it"
        idle_for = self._longest_idle(now)
        if self.waiting_since is not None and min(now - self.waiting_since, idle_for) > GRACE:
            return "a pulse waits and an idle worker does not take it"
        if min(now - self.sent_at, idle_for) > PUSHER_GRACE:
            return "the pusher hands out nothing"
        if now - self.sentinel_at > SENTINEL_GRACE:
            return "the sentinel does not go its rounds"
        return ""

    def _longest_idle(self, now: float) -> float:
        self.idle_since = {pid: since for pid, since in self.idle_since.items() if _lives(pid)}
        return max((now - since for since in self.idle_since.values() if since is not None), default=0.0)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
