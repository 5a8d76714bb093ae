"""Transactions, locks and the outbox on a real PostgreSQL with real rivals; and what its constraints refuse."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import requests
from django.db import (
    DatabaseError,
    IntegrityError,
    InternalError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from django_q.models import OrmQ

from accounts.models import Customer, Hold, Wallet
from agora.lib import db, events, http, locks, transitions
from agora.lib.api import problem
from agora.lib.db import ATTEMPTS, NotSerializable, serializable, serializable_long, snapshot
from agora.tests.rows import NOON, new_asset, new_order, new_person
from agora.tests.tables import unchanged
from orders.models import FeedCursor, Order
from reserves.models import Break

pytestmark = pytest.mark.django_db(transaction=True)

TICK = timedelta(seconds=1)
CANNOT_SERIALIZE, UNIQUE = "40001", "23505"


def _in_thread(work: Callable[[], Any]) -> Any:
    """The result of `work` in a thread with a database connection of its own."""

    def run() -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as one:
        return one.submit(run).result(timeout=30)


# --- serializable ----------------------------------------------------------------------------------------------------
@serializable
def _increment() -> None:
    """A read, then a write that depends on it, with no row lock: only isolation makes it right."""
    cursor = FeedCursor.objects.get(name="counter")
    FeedCursor.objects.filter(name="counter").update(position=cursor.position + TICK)


def test_a_hundred_increments_by_four_rivals_are_a_hundred() -> None:
    FeedCursor.objects.create(name="counter", position=NOON)
    together = threading.Barrier(4)

    def work(_: int) -> None:
        try:
            together.wait(timeout=10)
            for _ in range(25):
                _increment()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as rivals:
        list(rivals.map(work, range(4)))

    assert FeedCursor.objects.get().position == NOON + 100 * TICK


def test_rivals_who_take_turns_never_start_again() -> None:
    FeedCursor.objects.create(name="counter", position=NOON)
    together, attempts = threading.Barrier(4), []

    @serializable
    def increment() -> None:
        attempts.append(1)
        _increment()

    def work(_: int) -> None:
        try:
            together.wait(timeout=10)
            for _ in range(10):
                with locks.in_turn("counter", 1):
                    increment()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as rivals:
        list(rivals.map(work, range(4)))

    assert FeedCursor.objects.get().position == NOON + 40 * TICK
    assert len(attempts) == 40


def test_who_has_waited_for_a_turn_goes_ahead() -> None:
    """A holder that stands still delays others; it does not stop them."""
    FeedCursor.objects.create(name="counter", position=NOON)

    def work() -> None:
        with locks.in_turn("counter", 1):
            _increment()

    with locks.in_turn("counter", 1):
        _in_thread(work)

    assert FeedCursor.objects.get().position == NOON + TICK


def test_a_long_command_among_short_ones_is_done_at_its_second_try() -> None:
    FeedCursor.objects.create(name="counter", position=NOON)
    attempts: list[int] = []
    done = threading.Event()

    @serializable_long
    def change_slowly() -> None:
        attempts.append(1)
        position = FeedCursor.objects.get(name="counter").position
        time.sleep(0.2)  # time for several of the short ones
        FeedCursor.objects.filter(name="counter").update(position=position + 1000 * TICK)

    def work() -> int:
        increments = 0
        try:
            while not done.is_set():
                _increment()
                increments += 1
        finally:
            connections.close_all()
        return increments

    with ThreadPoolExecutor(1) as rival:
        short = rival.submit(work)
        time.sleep(0.2)
        change_slowly()
        done.set()
        increments = short.result(timeout=30)

    assert len(attempts) == 2
    assert increments > 2
    assert FeedCursor.objects.get().position == NOON + (1000 + increments) * TICK


def test_one_that_stands_still_does_not_keep_the_floor_from_all_others() -> None:
    """A process that is stopped, or on a machine that was cut off, may hold its transaction for minutes."""
    FeedCursor.objects.create(name="counter", position=NOON)
    standing, go_on = threading.Event(), threading.Event()

    @serializable
    def stand_still() -> None:
        standing.set()
        go_on.wait(timeout=30)

    with ThreadPoolExecutor(1) as other:
        stopped = other.submit(_closing, stand_still)
        assert standing.wait(timeout=10)
        command, attempts = _failing(CANNOT_SERIALIZE, decorate=serializable_long)
        assert command() == "done"
        _in_thread(_increment)
        assert not stopped.done()
        go_on.set()
        stopped.result(timeout=30)

    assert len(attempts) == 2
    assert FeedCursor.objects.get().position == NOON + TICK


def test_who_has_the_floor_alone_and_stands_still_loses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "FLOOR_IDLE", 300)
    FeedCursor.objects.create(name="counter", position=NOON)
    attempts: list[int] = []

    @serializable_long
    def stand_still() -> None:
        attempts.append(1)
        with connection.cursor() as cursor:
            if len(attempts) == 1:
                cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{CANNOT_SERIALIZE}'; END $$")
            time.sleep(1.5)
            cursor.execute("SELECT 1")

    with ThreadPoolExecutor(1) as other:
        stopped = other.submit(_closing, stand_still)
        while len(attempts) < 2:
            time.sleep(0.01)
        _increment()  # waits for the floor, which comes back by itself
        assert not stopped.done()
        with pytest.raises(DatabaseError, match="idle-in-transaction timeout"):
            stopped.result(timeout=30)

    assert FeedCursor.objects.get().position == NOON + TICK


def test_a_command_runs_serializable() -> None:
    assert serializable(_isolation)() == "serializable"
    assert _isolation() == "read committed"


def test_a_snapshot_sees_one_moment_and_writes_nothing() -> None:
    @snapshot
    def write() -> None:
        FeedCursor.objects.create(name="counter", position=NOON)

    assert snapshot(_isolation)() == "repeatable read"
    with pytest.raises(InternalError, match="read-only transaction"):
        write()
    assert _isolation() == "read committed"
    FeedCursor.objects.create(name="counter", position=NOON)  # the connection is as it was


def test_a_command_on_a_connection_that_died_runs_serializable_on_the_next() -> None:
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid

    def end_it() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    _in_thread(end_it)
    connection.health_check_enabled, connection.health_check_done = True, False  # as a request begins

    assert serializable(_isolation)() == "serializable"


def test_a_command_inside_another_joins_its_transaction() -> None:
    FeedCursor.objects.create(name="counter", position=NOON)

    @serializable
    def outer() -> None:
        _increment()
        _increment()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        outer()

    assert FeedCursor.objects.get().position == NOON


def test_a_command_inside_a_weaker_transaction_is_refused() -> None:
    FeedCursor.objects.create(name="counter", position=NOON)

    with (
        unchanged(),
        pytest.raises(NotSerializable, match="_increment called inside a weaker transaction"),
        transaction.atomic(),
    ):
        _increment()


def _closing(work: Callable[[], Any]) -> None:
    try:
        work()
    finally:
        connections.close_all()


def _failing(*sqlstates: str, decorate: Any = serializable) -> tuple[Callable[[], str], list[int]]:
    """A command that PostgreSQL fails with each of the states in turn, then lets pass; and its attempts so far."""
    attempts: list[int] = []

    @decorate
    def command() -> str:
        attempts.append(len(attempts) + 1)
        if len(attempts) <= len(sqlstates):
            with connection.cursor() as cursor:
                cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{sqlstates[len(attempts) - 1]}'; END $$")
        return "done"

    return command, attempts


@pytest.fixture
def _without_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: low)


@pytest.mark.usefixtures("_without_jitter")
@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
def test_a_command_that_loses_every_race_but_the_last_succeeds(sqlstate: str) -> None:
    command, attempts = _failing(*[sqlstate] * (ATTEMPTS - 1))

    assert command() == "done"
    assert len(attempts) == ATTEMPTS


@pytest.mark.usefixtures("_without_jitter")
def test_a_command_that_loses_every_race_gives_up() -> None:
    command, attempts = _failing(*[CANNOT_SERIALIZE] * (ATTEMPTS + 1))

    with pytest.raises(OperationalError) as given_up:
        command()

    assert len(attempts) == ATTEMPTS
    answer = problem.handle(given_up.value, {})
    assert answer is not None
    assert (answer.status_code, answer.data["code"], answer.headers["Retry-After"]) == (503, "busy", "1")


def test_a_broken_rule_is_no_lost_race() -> None:
    command, _ = _failing(*["23514"])
    with pytest.raises(IntegrityError) as broken:
        command()
    assert problem.handle(broken.value, {}) is None


def test_a_duplicate_key_is_tried_a_second_time_only() -> None:
    command, attempts = _failing(UNIQUE)
    assert (command(), len(attempts)) == ("done", 2)

    command, attempts = _failing(UNIQUE, UNIQUE)
    with pytest.raises(IntegrityError):
        command()
    assert len(attempts) == 2


@pytest.mark.usefixtures("_without_jitter")
def test_a_duplicate_key_after_a_lost_race_still_has_its_second_try() -> None:
    command, attempts = _failing(CANNOT_SERIALIZE, UNIQUE)

    assert (command(), len(attempts)) == ("done", 3)


@pytest.mark.parametrize("sqlstate", ["23514", "22012", "42P01"])
def test_any_other_error_is_not_tried_again(sqlstate: str) -> None:
    command, attempts = _failing(sqlstate)

    with pytest.raises(DatabaseError):
        command()

    assert len(attempts) == 1


def _isolation() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        return str(cursor.fetchone()[0])


# --- locks -----------------------------------------------------------------------------------------------------------
def _try(kind: str = "order", name: str = "1") -> bool:
    with locks.exclusive(kind, name, wait=0) as mine:
        return mine


def test_a_lock_excludes_a_second_connection_until_it_is_left() -> None:
    with locks.exclusive("order", "1") as mine:
        assert mine is True
        assert _in_thread(_try) is False
        assert _in_thread(lambda: _try(name="2")) is True
        assert _in_thread(lambda: _try(kind="mint")) is True

    assert _in_thread(_try) is True


def test_a_lock_is_left_when_its_holder_raises() -> None:
    with pytest.raises(ZeroDivisionError), locks.exclusive("order", "1"):
        raise ZeroDivisionError

    assert _in_thread(_try) is True


def test_whoever_did_not_get_a_lock_does_not_release_it() -> None:
    with locks.exclusive("order", "1"):
        _in_thread(_try)
        assert _in_thread(_try) is False


def test_a_lock_that_is_left_soon_is_waited_for() -> None:
    with ThreadPoolExecutor(1) as one:
        with locks.exclusive("order", "1"):
            waiting = one.submit(_patient)
            threading.Event().wait(0.1)
            assert not waiting.done()
        assert waiting.result(timeout=5) is True


def _patient() -> bool:
    try:
        with locks.exclusive("order", "1", wait=3) as mine:
            return mine
    finally:
        connections.close_all()


def test_a_lock_is_free_as_soon_as_its_holders_backend_is_gone() -> None:
    with _stranger() as stranger:
        stranger.execute("SELECT pg_advisory_lock(%s)", [locks.key("order", "1")])
        assert _try() is False
        pid = stranger.info.backend_pid
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])

        with locks.exclusive("order", "1", wait=3) as mine:
            assert mine is True


def test_a_lock_in_a_transaction_is_kept_to_its_end() -> None:
    with transaction.atomic():
        locks.lock_in_transaction("order", "1")
        assert _in_thread(_try) is False

    assert _in_thread(_try) is True


@contextmanager
def _stranger() -> Iterator[psycopg.Connection]:
    """A second session, whose backend may be terminated."""
    wrapper = connections["default"].copy()
    stranger = wrapper.get_new_connection(wrapper.get_connection_params())
    stranger.autocommit = True
    try:
        yield stranger
    finally:
        stranger.close()


# --- events and transitions ------------------------------------------------------------------------------------------
def test_an_event_outside_a_transaction_is_refused() -> None:
    with unchanged(), pytest.raises(RuntimeError, match="outside a transaction"):
        events.emit("order.accepted", "1")


def test_an_event_that_is_not_in_the_pipeline_is_refused() -> None:
    with unchanged(), pytest.raises(KeyError), transaction.atomic():
        events.emit("order.invented", "1")


def test_an_event_is_a_task_with_one_id() -> None:
    with transaction.atomic():
        events.emit("order.filled", "1")

    assert [(row.task["func"], row.task["args"]) for row in OrmQ.objects.all()] == [
        ("custody.tasks.open_custody", ("1",))
    ]


def test_a_move_that_is_rolled_back_leaves_no_task_and_no_event() -> None:
    order = new_order()

    with unchanged(), pytest.raises(ZeroDivisionError):
        _move_and_fail(order)


@transaction.atomic
def _move_and_fail(order: Order) -> None:
    transitions.apply(order, to="SUBMITTING", actor="test", now=NOON)
    events.emit("order.accepted", order.pk)
    raise ZeroDivisionError


def test_an_illegal_move_raises_and_writes_nothing() -> None:
    order = new_order()

    with (
        unchanged(),
        pytest.raises(transitions.IllegalMove, match=f"Order {order.pk}: PENDING → SETTLED"),
        transaction.atomic(),
    ):
        transitions.apply(order, to="SETTLED", actor="test", now=NOON)

    assert order.status == "PENDING"


# --- HTTP ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("atomic", [transaction.atomic, lambda: _nested()], ids=["a transaction", "a savepoint"])
def test_a_vendor_is_not_called_inside_a_transaction(atomic: Callable[[], Any]) -> None:
    with http.guarded_session() as session, atomic(), pytest.raises(http.CallInsideTransaction, match="'default'"):
        session.get("http://127.0.0.1:1/")


def test_a_vendor_is_called_outside_one() -> None:
    connection.ensure_connection()

    with http.guarded_session() as session, pytest.raises(requests.ConnectionError):
        session.get("http://127.0.0.1:1/")


@contextmanager
def _nested() -> Iterator[None]:
    with transaction.atomic(), transaction.atomic():
        yield


# --- Constraints of accounts and reserves: each is violated once (the other apps' have their test_states.py) ----------
@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("customer_country_known", {"country": "US"}),
        ("customer_reject_kind", {"kyc_reject_kind": "FINAL"}),
        ("customer_tax_id_sealed", {"tax_id_sealed": "52998224725", "tax_id_index": "a" * 64}),
    ],
)
def test_an_impossible_customer_is_refused(constraint: str, change: dict[str, str]) -> None:
    new_person("alice")

    with unchanged(), pytest.raises(IntegrityError, match=constraint):
        Customer.objects.update(**change)


@pytest.mark.parametrize(
    ("constraint", "address"),
    [
        ("wallet_address_shape", "0x1234"),
        ("wallet_address_shape", "70997970C51812dc3A010C7d01b50e0d17dc79C80x"),
        ("accounts_wallet_address", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
    ],
)
def test_an_impossible_wallet_is_refused(constraint: str, address: str) -> None:
    customer = new_person("alice").customer

    with unchanged(), pytest.raises(IntegrityError, match=constraint):
        Wallet.objects.create(customer=customer, address=address, created_at=NOON)


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("hold_one_an_owner", {}),
        ("hold_subject_shape", {"subject": "orders:1"}),
        ("hold_subject_shape", {"subject": "order:"}),
        ("hold_until_after_placed", {"owner": "other", "until": NOON}),
    ],
)
def test_an_impossible_hold_is_refused(constraint: str, fields: dict[str, Any]) -> None:
    ours = {"subject": "everything", "owner": "test", "reason": "", "placed_at": NOON}
    Hold.objects.create(**ours)

    with unchanged(), pytest.raises(IntegrityError, match=constraint):
        Hold.objects.create(**{**ours, **fields})


def test_a_released_hold_may_be_placed_again() -> None:
    ours = {"subject": "everything", "owner": "test", "reason": "", "placed_at": NOON}
    Hold.objects.create(**ours, released_at=NOON)

    assert Hold.objects.create(**ours).released_at is None


def test_a_difference_between_the_books_is_open_once() -> None:
    ours = {"asset": new_asset(), "kind": "VAULT_SHORT", "quantity": 1, "opened_at": NOON, "seen_at": NOON}
    Break.objects.create(**ours)

    with unchanged(), pytest.raises(IntegrityError, match="break_open_once"):
        Break.objects.create(**ours)
