"""A process that has imported what our processes need, and forks them: each as it is in production, but for its start.

Reads a JSON object a line, answers with one:

    {"start": "worker", "crash_at": "mint.after_sign:2", "log": "…/worker.log", "ready": "…/file"}  → {"pid": 123}
    {"call": "function of .acts", "args": […], "crash_at": "", "log": "…"}  → {"result": …} | {"died": -9}
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.db import connections

from agora.lib import lifeline


def main() -> None:
    lifeline.die_with(os.getppid())
    django.setup()
    from agora.management.commands.worker import WORKER_PRELOAD

    for name in (*WORKER_PRELOAD, "agora.tests.sweep.acts", "agora.lib.watchdog", "agora.management.commands.follow"):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    _answer({"ready": True})
    for line in sys.stdin:
        wish = json.loads(line)
        _answer(_start(wish) if "start" in wish else _call(wish))


def _answer(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _start(wish: dict[str, Any]) -> dict[str, int]:
    _collect_the_dead()
    run = {"worker": _worker, "follower": _follower}[wish["start"]]
    return {"pid": _fork(wish, lambda: sys.exit(run(Path(wish["ready"]))))}


def _call(wish: dict[str, Any]) -> dict[str, Any]:
    """Run a function of `acts` in a process of its own; what it returned, or of what signal that process died."""
    from agora.tests.sweep import acts

    read_end, write_end = os.pipe()

    def run() -> None:
        os.write(write_end, json.dumps({"result": getattr(acts, wish["call"])(*wish["args"])}, default=str).encode())

    pid = _fork(wish, run)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as answers:
        answer = answers.read()
    _, status = os.waitpid(pid, 0)
    return dict(json.loads(answer)) if answer else {"died": os.waitstatus_to_exitcode(status)}


def _worker(ready: Path) -> int:
    from agora.lib import watchdog

    return watchdog.run(preload=[], alive_file=ready)


def _follower(ready: Path) -> int:
    from agora.lib import loops
    from agora.management.commands.follow import all_loops
    from minting.services import verify_chain

    verify_chain()
    return loops.run(all_loops(), ready_file=ready)


def _fork(wish: dict[str, Any], run: Callable[[], Any]) -> int:
    """A child in a process group of its own, armed, with its output in its log."""
    from agora.lib import crashpoints

    parent = os.getpid()
    connections.close_all()
    if pid := os.fork():
        return pid
    code = 1
    try:
        os.setsid()
        lifeline.die_with(parent)
        log = os.open(wish["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        crashpoints.arm(wish.get("crash_at", ""))
        run()
        code = 0
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    except BaseException:  # noqa: BLE001 - the end of a process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _collect_the_dead() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


if __name__ == "__main__":
    main()
