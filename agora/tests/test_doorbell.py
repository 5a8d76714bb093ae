"""The queue's broker, against a PostgreSQL of its own that the tests may kill."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from django.db import connections, transaction
from django_q.conf import Conf
from django_q.models import OrmQ

from agora.lib.doorbell import Doorbell
from agora.lib.embedded import server
from agora.lib.embedded.base import DatabaseWrapper


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="agora-q-"))
    yield path
    server.stop(path)
    shutil.rmtree(path)


@pytest.fixture(autouse=True)
def database(home, settings, django_db_blocker, monkeypatch):
    """Django's default connection of this thread, pointed to the tests' own server with the queue's table."""
    settings.AGORA_HOME, settings.AGORA_MODE = home, "sandbox"
    monkeypatch.setattr(Conf, "POLL", 5)
    with django_db_blocker.unblock(), _this_thread_connected():
        if OrmQ._meta.db_table not in connections["default"].introspection.table_names():
            with connections["default"].schema_editor() as editor:
                editor.create_model(OrmQ)
        OrmQ.objects.all().delete()
        yield


@pytest.fixture
def bell() -> Iterator[Doorbell]:
    yield from _bell("agora")


def test_rolled_back_task_is_never_handed_out_and_a_committed_one_is_once(bell):
    with suppress(ZeroDivisionError), transaction.atomic():
        bell.enqueue("undone")
        raise ZeroDivisionError
    with transaction.atomic():
        task_id = bell.enqueue("done")

    assert bell.dequeue() == [(task_id, "done")]
    assert _empty(bell)


def test_commit_wakes_the_waiting_cluster_and_the_insert_before_it_does_not(bell):
    with _dequeuing_thread() as dequeued, transaction.atomic():
        bell.enqueue("task")
        time.sleep(0.2)
        assert dequeued == []
    # leaving the block waited for the thread: its poll is 5 seconds, so only the ring can have been this fast

    (tasks, woken_after) = dequeued[0]
    assert [payload for _, payload in tasks] == ["task"]
    assert 0.2 <= woken_after < 2


def test_claimed_task_is_handed_out_again_only_after_its_lock_has_run_out(bell, monkeypatch):
    monkeypatch.setattr(Conf, "RETRY", 0.3)
    bell.enqueue("task")
    first = bell.dequeue()

    assert _empty(bell)
    time.sleep(0.35)

    assert bell.dequeue() == first


def test_dead_clusters_claims_are_released_and_a_living_ones_are_not(bell, monkeypatch):
    monkeypatch.setattr(Conf, "BULK", 1)
    other = Doorbell(list_key="agora")
    bell.claimant, other.claimant = 417, 418
    mine, theirs = bell.enqueue("mine"), bell.enqueue("theirs")
    assert [bell._claim(), other._claim()] == [[(mine, "mine")], [(theirs, "theirs")]]

    assert bell.release_claims() == 1

    assert bell._claim() == [(mine, "mine")]
    assert _empty(other)


def test_clusters_that_claim_at_once_never_share_a_task(bell, monkeypatch):
    monkeypatch.setattr(Conf, "BULK", 3)
    expected = [bell.enqueue(str(number)) for number in range(120)]
    barrier = threading.Barrier(4)

    def claim_all(_: int) -> list[int]:
        with _this_thread_connected():
            barrier.wait()
            claimed: list[int] = []
            broker = Doorbell(list_key="agora")
            while tasks := broker._claim():
                claimed += [task_id for task_id, _ in tasks]
            return claimed

    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(claim_all, range(4)))

    assert sorted(task_id for claim in claims for task_id in claim) == expected


def test_another_queues_task_neither_wakes_nor_is_handed_out(bell, monkeypatch):
    monkeypatch.setattr(Conf, "POLL", 0.3)
    bell.dequeue()
    Doorbell(list_key="other").enqueue("theirs")

    started = time.monotonic()

    assert not bell.dequeue()
    assert time.monotonic() - started >= 0.29
    assert OrmQ.objects.filter(key="other").count() == 1


def test_task_whose_ring_was_lost_is_found_by_the_poll(bell, monkeypatch):
    monkeypatch.setattr(Conf, "POLL", 0.1)
    bell.dequeue()
    OrmQ.objects.bulk_create([OrmQ(key="agora", payload="silent", lock="2026-01-01T00:00:00Z")])

    assert [payload for _, payload in bell.dequeue()] == ["silent"]


@pytest.mark.parametrize("end", ["acknowledge", "fail", "delete"])
def test_finished_task_leaves_the_table(bell, end):
    task_id = bell.enqueue("task")
    bell.dequeue()

    getattr(bell, end)(task_id)

    assert not OrmQ.objects.exists()


def test_killed_postgresql_is_waited_out_with_no_task_lost(bell, home, monkeypatch):
    monkeypatch.setattr(Conf, "POLL", 0.1)
    bell.enqueue("claimed")
    ((claimed, _),) = bell.dequeue()
    bell.enqueue("waiting")

    os.kill(server.running_pid(home), signal.SIGKILL)

    payloads = [payload for _ in range(40) for _, payload in bell.dequeue() or []]
    assert payloads == ["waiting"]
    os.kill(server.running_pid(home), signal.SIGKILL)
    bell.acknowledge(claimed)
    connections["default"].close()  # it may have been served by the dead server's last breath
    assert not OrmQ.objects.filter(pk=claimed).exists()


def test_broker_travels_to_another_process_without_its_connections(bell):
    bell.enqueue("task")
    bell.dequeue()

    travelled = pickle.loads(pickle.dumps(bell))

    assert travelled.list_key == "agora"
    assert travelled._listener is None


@contextmanager
def _this_thread_connected() -> Iterator[None]:
    """Django's connections belong to a thread: give this one its own to the tests' server."""
    original = connections["default"]
    host = original.settings_dict["HOST"]  # one dictionary for all threads: those of these tests will change it
    blank = {"HOST": "", "PORT": "", "USER": "", "PASSWORD": "", "OPTIONS": {}}
    connections["default"] = DatabaseWrapper({**original.settings_dict, **blank, "NAME": "queue"}, alias="default")
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = original
        original.settings_dict["HOST"] = host


@contextmanager
def _dequeuing_thread() -> Iterator[list]:
    """A cluster that waits in its own thread; leaving the block joins it, so a transaction inside ends first."""
    dequeued: list = []
    listening = threading.Event()

    def run() -> None:
        with _this_thread_connected():
            for broker in _bell("agora"):
                broker._listen()
                listening.set()
                started = time.monotonic()
                while not (tasks := broker.dequeue()):
                    pass
                dequeued.append((tasks, time.monotonic() - started))

    thread = threading.Thread(target=run)
    thread.start()
    assert listening.wait(10)
    yield dequeued
    thread.join(10)


def _bell(list_key: str) -> Iterator[Doorbell]:
    broker = Doorbell(list_key=list_key)
    yield broker
    if broker._listener is not None:
        broker._listener.close()


def _empty(bell: Doorbell) -> bool:
    return not bell._claim()
