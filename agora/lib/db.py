"""Transactions. A command that moves money, tokens or nonces is SERIALIZABLE and is run again when it loses a race."""

from __future__ import annotations

import functools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import ParamSpec, TypeVar

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from psycopg import IsolationLevel

from agora.lib import locks

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS = 16
ALONE_AFTER = 8  # losses: then it lets all others end, and has no rival
# serialization_failure, deadlock_detected; PostgreSQL's manual (13.5) adds unique_violation, which may be a lost race
# under SERIALIZABLE: that one is tried a second time only, for it may just as well be final.
RETRIES = {"40001": ATTEMPTS, "40P01": ATTEMPTS, "23505": 2}

# Without a code: the driver's own words, as when no connection could be made, or one was closed.
CANNOT_CONNECT = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)

FLOOR_WAIT = 500  # ms
FLOOR_IDLE = 5000  # ms without a statement, having it alone: stopped, or cut off; PostgreSQL ends the session
SHARED, ALONE = (f"LOCK TABLE agora_floor IN {mode} MODE" for mode in ("ROW SHARE", "EXCLUSIVE"))


class NotSerializable(RuntimeError):
    """A serializable command was called inside a transaction of a weaker isolation: it could not be retried."""


def serializable(command: Callable[P, R]) -> Callable[P, R]:
    """Run a command in a SERIALIZABLE transaction, again on 40001 and 40P01. Inside another such command it joins it.

    The command must have no effect outside the database: it may run several times.
    """
    return _retried(command, alone_after=ALONE_AFTER)


def serializable_long(command: Callable[P, R]) -> Callable[P, R]:
    """`serializable` for a command of many rows: short ones would beat it for ever, so it is alone after a loss."""
    return _retried(command, alone_after=1)


def _retried(command: Callable[P, R], *, alone_after: int) -> Callable[P, R]:
    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            if not _is_serializable():
                raise NotSerializable(f"{command.__qualname__} called inside a weaker transaction")
            return command(*args, **kwargs)
        tries: Counter[str] = Counter()
        with ExitStack() as turn:
            while True:
                try:
                    with _transaction(IsolationLevel.SERIALIZABLE):
                        _take_floor(alone=tries.total() >= alone_after)
                        return command(*args, **kwargs)
                except DatabaseError as error:
                    tries[_sqlstate(error)] += 1
                    if tries[_sqlstate(error)] >= RETRIES.get(_sqlstate(error), 1):
                        raise
                if tries.total() >= alone_after:
                    continue
                if tries.total() == 1:  # those who lost line up, or they make each other lose again
                    turn.enter_context(locks.in_turn("lost", command.__qualname__))
                    continue
                time.sleep(random.uniform(0, 0.002 * 2 ** tries.total()))  # noqa: S311 - jitter, not a secret

    return run


# By PostgreSQL's manual, appendix A: connection exceptions, insufficient resources (too many connections, disk full,
# out of memory), operator intervention but a statement's own cancel (57014), system errors.
AWAY_CLASSES = ("08", "53", "57P", "58")
AWAY = {"25006", "25P03", "25P04"}  # read-only (a standby, or a disk that fills up); a session ended for its idleness


def is_away(error: BaseException | None) -> bool:
    """Whether the database could not serve this, whoever had asked: it is no fault of the request or of our code.

    What was asked for may have been done: a connection can break after its COMMIT was read.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, DatabaseError | InterfaceError | psycopg.Error):
            state = getattr(error, "sqlstate", None) or _sqlstate(error)
            if state.startswith(AWAY_CLASSES) or state in AWAY:
                return True
            if not state and isinstance(error, CANNOT_CONNECT):
                return True
        error = error.__cause__ or error.__context__
    return False


def is_lost_race(error: Exception) -> bool:
    """Whether a transaction was given up after `ATTEMPTS`: it changed nothing, and may be tried again later."""
    return isinstance(error, DatabaseError) and RETRIES.get(_sqlstate(error)) == ATTEMPTS


def snapshot(read: Callable[P, R]) -> Callable[P, R]:
    """Run a read of several queries so that all see the same moment. Inside an open transaction it joins that one."""

    @functools.wraps(read)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            return read(*args, **kwargs)
        with _transaction(IsolationLevel.REPEATABLE_READ, read_only=True):
            return read(*args, **kwargs)

    return run


@contextmanager
def _transaction(level: IsolationLevel, *, read_only: bool = False) -> Iterator[None]:
    """One that BEGIN itself makes so: a SET TRANSACTION would be a round trip more."""
    # First, as Django would later: a connection that it replaced after this would begin a weaker transaction.
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    driver = connection.connection
    driver.isolation_level, driver.read_only = level, read_only or None
    try:
        with transaction.atomic():
            if connection.connection is not driver:
                raise InterfaceError("The connection was replaced before its transaction began")
            yield
    finally:
        if not driver.closed:
            driver.isolation_level = driver.read_only = None


def _take_floor(*, alone: bool) -> None:
    """Share it with all other such transactions, or let them end and have it alone.

    LOCK TABLE takes no snapshot (PostgreSQL's manual on LOCK): who waited here sees what was committed meanwhile.
    """
    if alone and _is_alone():
        return
    with connection.cursor() as cursor:
        cursor.execute(SHARED)


def _is_alone() -> bool:
    """False when one of the others does not end: whoever waits for it must not keep everybody else waiting."""
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute(f"SET LOCAL lock_timeout = {FLOOR_WAIT}")
                cursor.execute(ALONE)
        except DatabaseError as error:
            if _sqlstate(error) != "55P03":  # lock_not_available
                raise
            return False
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
        cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = {FLOOR_IDLE}")
    return True


def _is_serializable() -> bool:
    return getattr(connection.connection, "isolation_level", None) == IsolationLevel.SERIALIZABLE


def _sqlstate(error: BaseException) -> str:
    return getattr(error.__cause__, "sqlstate", None) or ""
