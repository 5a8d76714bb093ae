"""Several long-lived commands of ours forked from one parent, so that they share one copy of the code.

A process of its own holds some 75 MiB of libraries before it does anything. A member of a family holds only what it
writes to: on a machine of 1 GiB that decides. The price is that a family lives and dies as one: when a member ends, the
others are stopped and whoever supervises the parent starts all of them anew.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from types import FrameType

from django.db import connections

from agora.lib import lifeline, log

logger = log.get(__name__)
LOOK_EVERY = 0.5  # seconds


def run(members: Mapping[str, Callable[[], object]], *, stop_within: float) -> int:
    """Run the members until SIGTERM or SIGINT, or until one of them ends; the exit code.

    0: stopped as asked, each with 0 · 1: one ended by itself, or had to be killed after `stop_within` seconds.
    Call it before any thread runs, with all imported that the members are to share.
    """
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    connections.close_all()  # a forked connection would be two processes talking on one socket
    gc.collect()
    gc.freeze()  # the collector must not write to, and so copy, the shared pages
    lifeline.bind_forks()
    family = {name: _fork(name, member) for name, member in members.items()}
    while not asked and all(process.is_alive() for process in family.values()):
        wait([process.sentinel for process in family.values()], timeout=LOOK_EVERY)
    for name, process in family.items():
        if not asked and not process.is_alive():
            logger.error("member ended", member=name, exit_code=process.exitcode)
    clean = _stop(family, time.monotonic() + stop_within)
    return 0 if asked and clean else 1


def _fork(name: str, member: Callable[[], object]) -> ForkProcess:
    process = multiprocessing.get_context("fork").Process(target=_begin, args=(member,), name=name)
    process.start()
    return process


def _begin(member: Callable[[], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):  # not the parent's; the member sets its own
        signal.signal(number, signal.SIG_DFL)
    member()


def _stop(family: Mapping[str, ForkProcess], deadline: float) -> bool:
    """Whether all ended with 0 when they were asked to."""
    for process in family.values():
        process.terminate()
    for name, process in family.items():
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            logger.error("member did not stop in time: killed", member=name)
            process.kill()
            process.join()
    return all(process.exitcode == 0 for process in family.values())
