"""The task queue: tasks a second, and how soon an idle worker starts one; ours beside Celery on Redis."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from django.core.management import call_command
from django.db import connection, transaction
from django_q.models import OrmQ
from django_q.tasks import async_task

from agora.lib.ready import file_ready, free_port, port_ready
from bench.figures import Figure
from bench.servers import ROOT, peer_python
from bench.waiting import until

PAUSE = 0.05  # between two tasks of an idle queue


def measure(home: Path, base: Path, *, tasks: int, pings: int) -> list[Figure]:
    call_command("migrate", verbosity=0)
    notes = home / "notes.txt"
    with _our_worker(home, notes):
        ours = _time(notes, _enqueue(notes), tasks=tasks, pings=pings)
    figures = [
        Figure(part="queue", name="start of a task, idle, p95", value=ours[1], unit="ms", at_most=15.0, note=ours[2]),
    ]
    redis = shutil.which("redis-server")
    if redis is None:
        note = "Celery + Redis: not measured, there is no redis-server on PATH (Debian's redis-server)"
        return [*figures, Figure(part="queue", name="trivial tasks", value=ours[0], unit="/s", note=note)]
    with _celery(redis, home, base) as send:
        theirs = _time(notes, send, tasks=tasks, pings=pings)
    return [
        *figures,
        Figure(
            part="queue",
            name="trivial tasks, ours : Celery + Redis",
            value=ours[0] / theirs[0],
            unit="×",
            at_least=1.0,
            note=f"{ours[0]:.0f}/s : {theirs[0]:.0f}/s, two workers each; Celery's idle start {theirs[2]}",
        ),
    ]


def _time(notes: Path, send: Callable[[int], None], *, tasks: int, pings: int) -> tuple[float, float, str]:
    """Tasks a second; the idle start's p95 in ms; that in words. `send` enqueues so many, each notes its start."""
    notes.unlink(missing_ok=True)
    send(1)
    until(lambda: _lines(notes) == 1, within=120, what="the first task ran")
    waits = []
    for number in range(pings):
        time.sleep(PAUSE)
        sent = time.monotonic()
        send(1)
        until(lambda number=number: _lines(notes) == number + 2, within=60, what="a task ran")  # type: ignore[misc]
        waits.append(1000 * (float(notes.read_text().splitlines()[-1]) - sent))
    notes.unlink()
    started = time.monotonic()
    send(tasks)
    until(lambda: _lines(notes) >= tasks, within=300, what="all tasks ran")
    last = max(float(line) for line in notes.read_text().splitlines())
    p95 = quantiles(waits, n=20, method="inclusive")[-1]
    return tasks / (last - started), p95, f"p50 {median(waits):.1f} ms, p95 {p95:.1f} ms"


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _enqueue(notes: Path) -> Callable[[int], None]:
    def send(count: int) -> None:
        with transaction.atomic():
            for _ in range(count):
                async_task("bench.tasks.note", str(notes))

    return send


@contextmanager
def _our_worker(home: Path, notes: Path) -> Iterator[None]:
    OrmQ.objects.all().delete()
    connection.close()
    ready = file_ready(home / "worker.alive")
    command = [sys.executable, str(ROOT / "manage.py"), "worker", "--alive-file", str(home / "worker.alive")]
    env = {"AGORA_HOME": str(home), "AGORA_QUEUE_TASKS": "bench.tasks.note"}
    with _process(command, home / "worker.log", env, ready):
        yield
    OrmQ.objects.all().delete()


@contextmanager
def _celery(redis: str, home: Path, base: Path) -> Iterator[Callable[[int], None]]:
    python, port = peer_python(base), free_port()
    store = [redis, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(home)]
    env = {"CELERY_BROKER": f"redis://127.0.0.1:{port}/0", "DJANGO_SETTINGS_MODULE": ""}
    worker = [
        str(python),
        "-m",
        "celery",
        "-A",
        "bench.peer_celery",
        "worker",
        "--concurrency",
        "2",
        "--loglevel",
        "warning",
    ]
    sender = [str(python), "-m", "bench.peer_celery", str(home / "notes.txt")]
    # Appended to disk each second: a queue that may forget an order's task on a power cut is no peer at all.
    store += ["--appendonly", "yes", "--appendfsync", "everysec"]
    with (
        _process(store, home / "redis.log", {}, port_ready(port)),
        _process(worker, home / "celery.log", env, lambda: True),
        subprocess.Popen(  # noqa: S603
            sender, cwd=ROOT, env={**os.environ, **env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as sending,
    ):

        def send(count: int) -> None:
            assert sending.stdin is not None
            assert sending.stdout is not None
            sending.stdin.write(f"{count}\n")
            sending.stdin.flush()
            sending.stdout.readline()

        try:
            yield send
        finally:
            sending.terminate()


@contextmanager
def _process(command: list[str], log: Path, env: dict[str, str], ready: Callable[[], bool]) -> Iterator[None]:
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env={**os.environ, **env}, stdout=output, stderr=output
        )
        try:
            until(ready, within=240, what=f"{command[0]} is ready (log: {log})")
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)
