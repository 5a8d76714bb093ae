"""Loops of a follower: one thread each, one holder each across all machines, standing by for each other.

A loop holds a PostgreSQL advisory lock while it turns; when its process dies the lock goes with the connection and
another follower's loop takes over. A vendor's or the database's trouble is waited out; anything else ends the process,
for a supervisor to start it anew.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import Error as DatabaseError
from django.db import connection

from agora.lib import heartbeats, locks, log
from agora.lib.errors import VendorError
from agora.lib.metrics import LOOP_TROUBLES

logger = log.get(__name__)

STAND_BY = 1.0  # seconds between two tries to become the holder
PATIENCE = (0.2, 5.0)  # seconds to wait after trouble: at first, at most


@dataclass(frozen=True, slots=True)
class Loop:
    """`step` is called every `every` seconds; it may block until the event is set, and then must return."""

    name: str
    every: float | Callable[[], float]  # asked after each step
    step: Callable[[threading.Event], None]


def run(loops: Sequence[Loop], *, ready_file: Path | None = None) -> int:
    """Turn the loops until SIGTERM or SIGINT; the exit code: 1 if one of them ended by an error.

    `ready_file` is touched once they turn.
    """
    stop = threading.Event()
    failed: list[str] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threads = [threading.Thread(target=_guard, args=(loop, stop, failed), name=loop.name) for loop in loops]
    for thread in threads:
        thread.start()
    if ready_file:
        ready_file.touch()
    for thread in threads:
        thread.join()
    return 1 if failed else 0


def _guard(loop: Loop, stop: threading.Event, failed: list[str]) -> None:
    try:
        _keep_turning(loop, stop)
    except BaseException:
        failed.append(loop.name)
        logger.exception("loop ended", loop=loop.name)
        raise
    finally:
        stop.set()
        connection.close()


def _keep_turning(loop: Loop, stop: threading.Event) -> None:
    wait, since = PATIENCE[0], time.monotonic()
    while not stop.is_set():
        try:
            with locks.exclusive("loop", loop.name, wait=0) as mine:
                while mine and not stop.is_set():
                    loop.step(stop)
                    heartbeats.beat(f"{heartbeats.FOLLOWER}{loop.name}")
                    wait = PATIENCE[0]
                    stop.wait(loop.every() if callable(loop.every) else loop.every)
            stop.wait(STAND_BY)
        except VendorError as trouble:
            kind = type(trouble).__name__
            logger.warning("loop waits", loop=loop.name, kind=kind, detail=trouble.detail)
        except DatabaseError as trouble:
            kind = "database"
            logger.warning("loop waits", loop=loop.name, kind=kind, detail=str(trouble))
            connection.close()
        else:
            continue
        LOOP_TROUBLES.observe(time.monotonic() - since, loop=loop.name, kind=kind)
        stop.wait(wait)
        since = time.monotonic()
        wait = min(PATIENCE[1], wait * 2)
