"""PostgreSQL advisory locks: who may act on a thing outside the database.

A session lock dies with its process, so a killed worker blocks nobody. Rows are still guarded by their own locks and
constraints: these only keep two of us from making the same call at once.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from agora.lib import prepared


def key(kind: str, name: object) -> int:
    """A signed 64-bit lock id; different kinds never meet by more than chance."""
    return int.from_bytes(hashlib.sha256(f"{kind}:{name}".encode()).digest()[:8], "big", signed=True)


@contextmanager
def exclusive(kind: str, name: object, *, wait: float = 1.0, look_every: float = 0.02) -> Iterator[bool]:
    """Hold a session lock around a vendor call. Yields False when somebody else keeps it for `wait` seconds.

    The wait is for notifications: one that comes while the step it is about is being saved must not be lost on it.
    """
    number = key(kind, name)
    deadline = time.monotonic() + wait
    while not (mine := _try_lock(number)) and time.monotonic() < deadline:
        time.sleep(look_every)
    try:
        yield mine
    finally:
        if mine and connection.connection is not None and not connection.connection.closed:
            prepared.fetch("SELECT pg_advisory_unlock(%(number)s)", {"number": number})


@contextmanager
def in_turn(kind: str, name: object) -> Iterator[None]:
    """Let others who change the same rows finish first. Begin the transaction inside.

    Manners alone: rivals under SERIALIZABLE would make each other start again and again. Who has waited a second goes
    ahead all the same, and it is the isolation that keeps the rows right.
    """
    with exclusive(kind, name, look_every=0.005):
        yield


def _try_lock(number: int) -> bool:
    ((mine,),) = prepared.fetch("SELECT pg_try_advisory_lock(%(number)s)", {"number": number})
    return bool(mine)


def lock_in_transaction(kind: str, name: object) -> None:
    """Wait for a lock that the open transaction keeps until it ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key(kind, name)])


def held() -> Counter[int]:
    """Every advisory lock that somebody holds in this database, and how many do."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND d.datname = current_database()"
        )
        return Counter(int(number) for (number,) in cursor.fetchall())
