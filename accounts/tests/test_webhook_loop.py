"""The loop as processes: killed by SIGKILL around a request, and two of them at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import WebhookAttempt, WebhookDelivery
from accounts.services import follow_webhooks, publish_events
from accounts.tests.people import newcomer
from accounts.tests.receiver import SANDBOX, Answer, Receiver, deliver, endpoint_at, happen, later, receiving, states

pytestmark = pytest.mark.django_db(transaction=True)

# `manage.py follow --only webhooks` on the tests' database, and without a chain to look at first.
LOOP = """
import sys, threading, django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from accounts.services import follow_webhooks
from agora.lib import loops
sys.exit(loops.run([loops.Loop(sys.argv[2], 0.0, lambda stop: follow_webhooks(stop=stop))]))
"""


@contextmanager
def loop(name: str = "webhooks", **env: str) -> Iterator[subprocess.Popen[bytes]]:
    database = str(connection.settings_dict["NAME"])
    assert database.startswith("test_")
    process = subprocess.Popen(
        [sys.executable, "-c", LOOP, database, name],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "agora.settings", "AGORA_MODE": "sandbox", **env},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(15)


def until(condition: Callable[[], bool], within: float = 20.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def some(count: int, receiver: Receiver) -> list[str]:
    """An endpoint, and so many events of as many orders on their way to it; their ids."""
    customer = newcomer()
    endpoint_at(receiver, customer)
    with transaction.atomic():
        return [str(happen(customer).event_id) for _ in range(count)]


@pytest.mark.parametrize(("point", "arrivals"), [("webhook.before_send", 1), ("webhook.after_send", 2)])
def test_a_loop_killed_around_the_request_leaves_the_event_to_be_sent_again_with_its_id(
    receiver: Receiver, point: str, arrivals: int
) -> None:
    (event_id,) = some(1, receiver)

    with loop(AGORA_CRASH_AT=point) as process:
        assert process.wait(30) == -signal.SIGKILL
    assert (len(receiver.heard), states()) == (arrivals - 1, [("PENDING", 1)])
    deliver(later(seconds=31))

    assert [heard.id for heard in receiver.heard] == [event_id] * arrivals
    assert states() == [("SUCCEEDED", 2)]
    log = WebhookAttempt.objects.order_by("number").values_list("number", "status_code", "error", "milliseconds")
    assert [row[:3] for row in log] == [(1, None, "Interrupted"), (2, 200, "")]
    assert log[0][3] is None


def test_a_loop_publishes_and_delivers_within_seconds_and_ends_when_asked_to(receiver: Receiver) -> None:
    with loop() as process:
        until(lambda: _holds_its_lock(), within=30)
        started = time.monotonic()
        (event_id,) = some(1, receiver)
        until(lambda: bool(receiver.heard))
        took = time.monotonic() - started
        until(lambda: states() == [("SUCCEEDED", 1)])
        process.terminate()
        assert process.wait(15) == 0
    assert receiver.heard[0].id == event_id
    print(f"from announcing to arriving: {took:.2f} s")  # noqa: T201
    assert took < 3.0  # 0.3 on a quiet machine


def test_two_loops_that_race_make_each_attempt_once(receiver: Receiver) -> None:
    """Of different names, so that the loops' lock does not keep them apart: the leases must."""
    event_ids = some(60, receiver)
    receiver.usual = Answer(delay=0.01)

    with loop("one"), loop("two"):
        until(lambda: states() == [("SUCCEEDED", 1)] * 60, within=60)

    assert sorted(heard.id for heard in receiver.heard) == sorted(event_ids)
    assert WebhookAttempt.objects.count() == 60


def test_stopping_waits_for_what_is_under_way_and_notes_it(receiver: Receiver) -> None:
    some(1, receiver)
    receiver.usual = Answer(delay=0.4)
    stop = threading.Event()

    def run() -> None:
        try:
            follow_webhooks(stop=stop, to=SANDBOX)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: bool(receiver.heard))
    stop.set()
    thread.join(5)

    assert states() == [("SUCCEEDED", 1)]


def test_publishing_and_leasing_stay_quick_with_a_backlog(receiver: Receiver) -> None:
    """2,500 orders of a dead endpoint wait, each with seven events behind the first; a new one is sent at once."""
    customer = newcomer()
    endpoint_at(receiver, customer)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO accounts_publicevent (event_id, type, customer_id, subject_kind, subject_id, sequence, data, at)
            SELECT gen_random_uuid(), 'order.filled', %s, 'order', gen_random_uuid(), 1, '{}', now()
            FROM generate_series(1, 2500)
            """,
            [customer.pk],
        )
    while publish_events(now=timezone.now()):
        pass
    WebhookDelivery.objects.update(next_attempt_at=timezone.now() + timedelta(hours=1))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO accounts_publicevent (event_id, type, customer_id, subject_kind, subject_id, sequence, data, at)
            SELECT gen_random_uuid(), 'order.filled', customer_id, 'order', subject_id, n, '{}', now()
            FROM accounts_publicevent, generate_series(2, 8) n WHERE type = 'order.filled'
            """
        )
    while publish_events(now=timezone.now()):
        pass
    with transaction.atomic():
        happen(customer)

    started = time.monotonic()
    deliver()
    took = time.monotonic() - started

    assert len(receiver.heard) == 1
    assert took < 1.0  # 0.1 on a quiet machine
    print(f"a turn with 20,000 waiting: {took:.2f} s")  # noqa: T201


def _holds_its_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE l.locktype = 'advisory' AND d.datname = current_database()"
        )
        return bool(cursor.fetchone()[0])
