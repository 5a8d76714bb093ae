"""kill -9 of our processes at random, and of PostgreSQL; when, whom and how, by the seed."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass, field

import psutil

from agora.lib.embedded import server
from agora.lib.platform import Layout
from agora.lib.supervisor import Supervisor
from agora.tests.chaos.clients import Journal

IN_THE_CRADLE = 0.1  # of the kills take whom they like; the others one that has worked since its last death: on a busy
# machine nothing would ever be up otherwise, and a kill of what does nothing proves nothing
ONE_PROCESS = 0.5  # of the kills take one process of a service, the others its whole family
OUTAGE = (0.1, 1.5)  # seconds without PostgreSQL


@dataclass(frozen=True)
class Kill:
    at: float  # Unix time
    service: str
    what: str  # "service" or the one process's name


@dataclass
class Monkey:
    """Turn it often; it acts when its time has come."""

    ours: Supervisor
    names: tuple[str, ...]
    layout: Layout
    journal: Journal
    dice: random.Random
    kill_every: tuple[float, float]
    postgres_every: tuple[float, float]
    kills: list[Kill] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    spared: int = 0  # times when it was not up
    _next_kill: float = 0.0
    _next_stop: float = 0.0
    _start_at: float | None = None

    def turn(self) -> None:
        now = time.time()
        self._next_kill = self._next_kill or now + self.dice.uniform(*self.kill_every)
        self._next_stop = self._next_stop or now + self.dice.uniform(*self.postgres_every)
        if now >= self._next_kill:
            self._next_kill = now + self.dice.uniform(*self.kill_every)
            self._kill()
        if self._start_at is not None:
            if now >= self._start_at:
                self.rest()
        elif now >= self._next_stop:
            self._next_stop = now + self.dice.uniform(*self.postgres_every)
            self._stop_postgres(now)

    def rest(self) -> None:
        """Nothing more is broken; what we stopped runs again."""
        server.start(self.layout.home)
        self._start_at = None

    def _kill(self) -> None:
        service = self._choose()
        if not service:
            self.spared += 1
            return
        try:
            head = psutil.Process(self.ours.pid_of(service))
            family = [head, *head.children(recursive=True)]
            if self.dice.random() < ONE_PROCESS:
                victim = self.dice.choice(family)
                what = "head" if victim == head else "child"
                victim.kill()
            else:
                what = "service"
                os.killpg(head.pid, signal.SIGKILL)
        except (psutil.NoSuchProcess, ProcessLookupError):  # dead already, and not yet started again
            return
        self.kills.append(Kill(time.time(), service, what))

    def _choose(self) -> str:
        if self.dice.random() < IN_THE_CRADLE:
            return self.dice.choice(self.names)
        name = self.dice.choice(self.names)
        return name if self._worked_at(name) > self._killed_at(name) else ""

    def _killed_at(self, name: str) -> float:
        return next((kill.at for kill in reversed(self.kills) if kill.service == name), 0.0)

    def _worked_at(self, name: str) -> float:
        """When the service last showed that it works: an answer, a pulse of the queue, its loops turning."""
        if name == "web":
            return self.journal.answered_at[-1] if self.journal.answered_at else 0.0
        if name == "signer":  # it leaves no sign of its own
            return time.time() - 8.0
        sign = {"worker": "worker.alive", "worker-2": "worker-2.alive", "follower": "follower.ready"}[name]
        path = self.layout.home / sign
        return path.stat().st_mtime if path.exists() else 0.0

    def _stop_postgres(self, now: float) -> None:
        """`pg_ctl stop -m immediate`: every session is cut off, nothing is flushed. Whoever connects next may start it
        again (agora.lib.embedded); after the outage we do."""
        pid = server.running_pid(self.layout.home)
        if pid is None:
            return
        os.kill(pid, signal.SIGQUIT)
        self.stops.append(now)
        self._start_at = now + self.dice.uniform(*OUTAGE)
