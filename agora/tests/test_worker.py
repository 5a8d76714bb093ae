"""`manage.py worker` with real processes, a real queue and SIGKILL."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from django.db import connections
from django.test import override_settings
from django_q.models import OrmQ, Schedule, Task
from django_q.tasks import async_task

from agora.lib.embedded import server
from agora.lib.embedded.base import DatabaseWrapper

RECOVERY = 10.0  # seconds, promised by DESIGN; measured 5 to 6 for a hang, under 2 for a death


@pytest.fixture(scope="module", autouse=True)
def home(django_db_blocker) -> Iterator[Path]:
    """The workers' AGORA_HOME, with Django's default connection pointed to the queue in it."""
    path = Path(tempfile.mkdtemp(prefix="agora-w-"))
    original = connections["default"]
    blank = {"HOST": "", "PORT": "", "USER": "", "PASSWORD": "", "OPTIONS": {}}
    with override_settings(AGORA_HOME=path, AGORA_MODE="sandbox"), django_db_blocker.unblock():
        connections["default"] = DatabaseWrapper({**original.settings_dict, **blank, "NAME": "queue"}, alias="default")
        for model in (OrmQ, Task, Schedule):
            with connections["default"].schema_editor() as editor:
                editor.create_model(model)
        yield path
        connections["default"].close()
        connections["default"] = original
    server.stop(path)
    shutil.rmtree(path)


@pytest.fixture(autouse=True)
def empty_queue(home) -> None:
    OrmQ.objects.all().delete()


class Worker:
    """A running `manage.py worker` and the processes under it, by their role in django-q2."""

    def __init__(self, home: Path, secret_key: str) -> None:
        self.alive_file = home / f"alive-{time.monotonic_ns()}"
        command = [sys.executable, "-m", "agora.tests.queue_project", "worker", "--preload", "json"]
        self.popen = subprocess.Popen(
            [*command, "--alive-file", str(self.alive_file)],
            env={**os.environ, "AGORA_HOME": str(home), "SECRET_KEY": secret_key, "DATABASE_URL": ""},
            start_new_session=True,
        )
        self.watchdog = psutil.Process(self.popen.pid)

    @property
    def main(self) -> psutil.Process:
        (main,) = self.watchdog.children()
        return main

    @property
    def sentinel(self) -> psutil.Process:
        (sentinel,) = self.main.children()
        return sentinel

    @property
    def pool(self) -> list[psutil.Process]:
        """Two workers, the monitor and the pusher, in the order in which the sentinel forks them."""
        return sorted(self.sentinel.children(), key=lambda process: (process.create_time(), process.pid))

    def everybody(self) -> list[psutil.Process]:
        return [self.watchdog, *self.watchdog.children(recursive=True)]


@pytest.fixture
def worker(home, settings) -> Iterator[Worker]:
    """A worker of the test's own."""
    yield from _run_worker(home, settings.SECRET_KEY)


@pytest.fixture(scope="module")
def lasting(home) -> Iterator[Worker]:
    from django.conf import settings

    yield from _run_worker(home, settings.SECRET_KEY)


@pytest.fixture
def recovering(lasting) -> Worker:
    """A worker that several tests hurt in turn, each of which finds it healthy: that it recovered is half the test."""
    _wait(lambda: len(lasting.everybody()) == 7, RECOVERY)
    return lasting


def test_stop_finishes_the_running_task_and_leaves_no_process(worker, tmp_path):
    family = worker.everybody()
    async_task("agora.tests.queue_project.nap_and_write", 1.0, str(tmp_path / "done"))
    _wait((tmp_path / "done.started").exists, 5)

    worker.watchdog.send_signal(signal.SIGTERM)

    assert worker.popen.wait(15) == 0
    assert (tmp_path / "done").exists()
    assert not OrmQ.objects.exists()
    assert _survivors(family) == []


def test_killed_idle_workers_do_not_stop_the_queue(recovering, tmp_path):
    for process in recovering.pool[:2]:
        process.kill()

    assert _seconds_until_done(tmp_path) < RECOVERY


def test_killed_monitor_does_not_stop_the_queue(recovering, tmp_path):
    recovering.pool[2].kill()

    assert _seconds_until_done(tmp_path) < RECOVERY


@pytest.mark.parametrize("role", ["pusher", "sentinel", "main"])
def test_killed_process_of_the_cluster_is_replaced_with_no_orphan(recovering, tmp_path, role):
    victim = {"pusher": recovering.pool[3], "sentinel": recovering.sentinel, "main": recovering.main}[role]
    below = victim.children(recursive=True)

    victim.kill()

    assert _seconds_until_done(tmp_path) < RECOVERY
    assert _survivors([victim, *below]) == []
    assert len(recovering.everybody()) == 7


def test_killed_watchdog_takes_every_process_with_it(worker):
    family = worker.everybody()

    worker.watchdog.kill()

    _wait(lambda: _survivors(family) == [], 2)


def test_killed_busy_worker_costs_its_own_task_alone(worker, tmp_path):
    main = worker.main
    for name in ("first", "second"):
        async_task("agora.tests.queue_project.nap_and_write", 2.0, str(tmp_path / name))
        _wait((tmp_path / f"{name}.started").exists, 5)

    os.kill(int((tmp_path / "first.started").read_text()), signal.SIGKILL)

    assert _seconds_until_done(tmp_path) < 2.0
    _wait((tmp_path / "second").exists, 5)
    _wait(lambda: OrmQ.objects.count() == 1, 5)
    assert worker.main == main
    assert not (tmp_path / "first").exists()


def test_tasks_that_a_killed_cluster_had_claimed_run_again_without_waiting_for_their_lock(recovering, tmp_path):
    for name in ("one", "two", "three", "four"):
        async_task("agora.tests.queue_project.nap_and_write", 0.5, str(tmp_path / name))
    _wait((tmp_path / "two.started").exists, 5)

    recovering.main.kill()

    for name in ("one", "two", "three", "four"):
        _wait((tmp_path / name).exists, RECOVERY)


def test_killed_postgresql_costs_no_task_and_no_restart_of_the_cluster(recovering, home, tmp_path):
    main = recovering.main

    os.kill(server.running_pid(home), signal.SIGKILL)
    connections["default"].close()

    assert _seconds_until_done(tmp_path) < RECOVERY
    assert recovering.main == main


def test_module_that_cannot_be_preloaded_ends_the_start_and_is_named(home):
    command = [sys.executable, "-m", "agora.tests.queue_project", "worker", "--preload", "no.such.module"]

    outcome = subprocess.run(command, env={**os.environ, "AGORA_HOME": str(home)}, capture_output=True, timeout=20)

    assert outcome.returncode == 1
    assert b"No module named 'no'" in outcome.stderr


def _run_worker(home: Path, secret_key: str) -> Iterator[Worker]:
    running = Worker(home, secret_key)
    try:
        _wait(running.alive_file.exists, 15)
        family = running.everybody()
        assert len(family) == 7
        yield running
    finally:
        running.popen.kill()
        running.popen.wait(5)
    _wait(lambda: _survivors(family) == [], 2)


def _seconds_until_done(tmp_path: Path) -> float:
    """From now until a new task has run and is acknowledged."""
    started = time.monotonic()
    before = OrmQ.objects.count()
    async_task("agora.tests.queue_project.write", str(tmp_path / "again"))
    _wait(lambda: (tmp_path / "again").exists() and OrmQ.objects.count() <= before, 2 * RECOVERY)
    return time.monotonic() - started


def _survivors(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)
