"""django-q2's cluster under a watchdog that proves, second by second, that tasks go round in it.

Why: a worker or the monitor that dies by SIGKILL (the kernel's out-of-memory killer) while it waits for the queue takes
the queue's lock with it. The cluster then looks alive, with every process replaced, and never runs another task.

How: this cluster's own broker slips a *pulse* into what it hands to its own pusher each second. It has no row in the
database, so no other machine can take it and it needs no clean-up, and it goes the way of every task: pusher, queue,
worker, queue, monitor, acknowledged. Each station writes five bytes to a pipe that the watchdog reads. A pulse that
does not come back while a worker stands idle is the hang itself, not a guess from process states; one behind busy
workers is not. Then the process group is killed, its claims are released, and a new cluster is forked.

No orphans: every process dies with the one that forked it (agora.lib.lifeline), from the watchdog down.
"""

from __future__ import annotations

import gc
import importlib
import logging
import multiprocessing
import os
import secrets
import signal
import struct
import sys
import time
from collections.abc import Sequence
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import FrameType
from typing import Any

from django.db import Error as DatabaseError
from django.db import connections
from django.utils import timezone
from django_q import signals
from django_q.cluster import Cluster
from django_q.conf import Conf
from django_q.signing import SignedPackage

from agora.lib import heartbeats, lifeline, observing
from agora.lib.doorbell import Doorbell
from agora.lib.vitals import BUSY, EXECUTED, IDLE, RETURNED, SENT, SENTINEL, Vitals

PULSE_EVERY = 1.0
LOOK_EVERY = 0.2
FAILED_STARTS = 5  # in a row, with no pulse ever coming back; each next try waits longer
STOP_MARGIN = 8.0  # beyond the longest task: poll, guard cycle, saving the last results

_RECORD = struct.Struct("=ci")
_PULSE = "pulse"  # in the place of a row's id
_pipe: int = -1  # the write end, set in the cluster's processes only

logger = logging.getLogger("agora.worker")


def run(*, preload: Sequence[str], alive_file: Path | None = None) -> int:
    """Run the cluster until SIGTERM or SIGINT; returns the exit code.

    0: stopped as asked, running tasks finished · 1: they had to be killed, or the cluster would not start.
    """
    for name in preload:  # before the fork: the workers share these pages; an ImportError ends us here, loudly
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # the collector must not write to, and so copy, the shared pages
    lifeline.bind_forks()
    return _Watchdog(alive_file).watch()


def beat() -> None:
    """The pulse as a worker runs it."""
    _report(EXECUTED)


class PulsingDoorbell(Doorbell):
    """The broker of a watched cluster: adds the pulses, and reports them and the sentinel's rounds."""

    _pulse_at = 0.0

    def dequeue(self) -> list[tuple[Any, str]] | None:
        tasks = super().dequeue()
        if time.monotonic() - self._pulse_at < PULSE_EVERY:
            return tasks
        self._pulse_at = time.monotonic()
        _report(SENT)
        self._beat()
        return [(_PULSE, _pulse_package()), *(tasks or [])]

    def _beat(self) -> None:
        """It only tells the time: the queue goes on without."""
        try:
            heartbeats.beat(heartbeats.WORKER)
        except DatabaseError as error:
            logger.warning("No sign of life could be left: %s", error)

    def delete(self, task_id: int | str) -> None:
        if task_id == _PULSE:
            _report(RETURNED)
        else:
            super().delete(int(task_id))

    def set_stat(self, key: str, value: str, timeout: int) -> None:
        _report(SENTINEL)  # the sentinel saves its state in every round


class _Watchdog:
    def __init__(self, alive_file: Path | None) -> None:
        self.alive_file = alive_file
        self.stopping = False
        self.failed_starts = 0
        self.broker = PulsingDoorbell()
        self.broker.claimant = 1 + secrets.randbelow(999)

    def watch(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        while not self.stopping:
            process, pipe = self._fork_cluster()
            vitals = Vitals(now=time.monotonic())
            try:
                reason = self._look_until_it_ends(process, pipe, vitals)
                if self.stopping:
                    return self._stop(process)
            finally:
                _kill(process)
                os.close(pipe)
            logger.error("The cluster is started again: %s", reason)
            self._release_claims()
            if not self._pause(was_alive=vitals.alive):
                return 1
        return 0

    def _fork_cluster(self) -> tuple[ForkProcess, int]:
        connections.close_all()  # a forked connection would be two processes talking on one socket
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        os.set_blocking(write_end, False)  # a full pipe loses a record; it must never stop a worker
        process = multiprocessing.get_context("fork").Process(target=_run_cluster, args=(self.broker, write_end))
        process.start()
        os.close(write_end)
        return process, read_end

    def _look_until_it_ends(self, process: ForkProcess, pipe: int, vitals: Vitals) -> str:
        """Follow the cluster's vitals. Returns why it must be started again, or "" when we are asked to stop."""
        while not self.stopping:
            time.sleep(LOOK_EVERY)
            if not process.is_alive():
                return f"its main process ended with exit code {process.exitcode}"
            if self._read(pipe, vitals):
                self._touch_alive_file()
            reason = vitals.verdict(now=time.monotonic())
            if reason and _database_answers():
                return reason
            if reason:  # without its database a cluster waits, which is right; count again from now
                vitals.forgive(now=time.monotonic())
        return ""

    def _read(self, pipe: int, vitals: Vitals) -> bool:
        """Take what the stations wrote; True when a pulse came back."""
        returned = False
        while True:
            try:
                data = os.read(pipe, _RECORD.size * 4096)
            except BlockingIOError:
                return returned
            if not data:
                return returned
            for station, pid in _RECORD.iter_unpack(data):
                vitals.record(station, pid, now=time.monotonic())
                returned |= station == RETURNED

    def _stop(self, process: ForkProcess) -> int:
        deadline = time.monotonic() + (Conf.TIMEOUT or 30) + STOP_MARGIN
        while process.is_alive() and time.monotonic() < deadline:
            process.terminate()
            process.join(2.0)  # and again: a cluster a moment old had no handler yet
        if process.exitcode in (0, -signal.SIGTERM):  # the latter: it had not begun to work
            return 0
        logger.error("The cluster did not stop by itself (exit code %s)", process.exitcode)
        _kill(process)
        self._release_claims()
        return 1

    def _pause(self, *, was_alive: bool) -> bool:
        """Back off between failing starts. False after too many: whoever started us should know."""
        self.failed_starts = 0 if was_alive else self.failed_starts + 1
        if self.failed_starts >= FAILED_STARTS:
            logger.critical("The cluster would not start, %s times in a row", self.failed_starts)
            return False
        deadline = time.monotonic() + (2.0 ** (self.failed_starts - 2) if self.failed_starts else 0.0)
        while not self.stopping and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
        return True

    def _release_claims(self) -> None:
        try:
            logger.warning("Released %s claimed tasks", self.broker.release_claims())
        except DatabaseError as error:
            logger.warning("Claimed tasks wait for their locks to run out, %s s: %s", Conf.RETRY, error)

    def _touch_alive_file(self) -> None:
        if self.alive_file is not None:
            self.alive_file.touch()

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True


def _run_cluster(broker: PulsingDoorbell, pipe: int) -> None:
    """The main process of the cluster: a session of its own, so that Ctrl-C reaches the watchdog alone."""
    global _pipe
    _pipe = pipe
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT):  # not the watchdog's; Cluster sets its own
        signal.signal(number, signal.SIG_DFL)
    # The one place where django-q2 tells what a worker does; these are process-local and touch no row.
    signals.post_spawn.connect(_worker_is_idle)
    signals.pre_execute.connect(_worker_is_busy)
    signals.post_execute_in_worker.connect(_worker_is_idle)
    signals.post_execute_in_worker.connect(_task_ended)
    cluster = Cluster(broker)
    cluster.start()
    cluster.sentinel.join()
    sys.exit(0 if cluster.sentinel.exitcode == 0 else 1)


def _worker_is_idle(**_: Any) -> None:
    _report(IDLE)


def _worker_is_busy(*, task: dict[str, Any], **_: Any) -> None:
    if task.get("ack_id") != _PULSE:
        _report(BUSY)
        observing.task_begins(task)


def _task_ended(*, task: dict[str, Any], **_: Any) -> None:
    if task.get("ack_id") != _PULSE:
        observing.task_ended(task)


def _report(station: bytes) -> None:
    try:
        os.write(_pipe, _RECORD.pack(station, os.getpid()))
    except BlockingIOError:
        logger.debug("The watchdog's pipe is full: one record is lost, the next one says the same")


def _pulse_package() -> str:
    task = {"id": _PULSE, "name": _PULSE, "func": "agora.lib.watchdog.beat", "args": (), "kwargs": {}, "save": False}
    package: str = SignedPackage.dumps({**task, "started": timezone.now()})
    return package


def _kill(process: ForkProcess) -> None:
    """SIGKILL for the whole group: a stopped cluster's processes are all in it, and only they."""
    if process.pid is not None and process.is_alive():
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:  # not yet a group leader: it is a moment old and has no children
            process.kill()
    process.join()


def _database_answers() -> bool:
    try:
        with connections[Conf.ORM].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        logger.warning("The cluster stands still because its database does not answer: %s", error)
        return False
    finally:
        connections[Conf.ORM].close()
    return True
