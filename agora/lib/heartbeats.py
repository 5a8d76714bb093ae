"""Signs of life, by the database's clock: who turned when, and how far its own clock is from the database's.

A lock says that a process is there; a process that is frozen keeps its locks. A beat says that it moved.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from django.db import connection

from agora.lib import log

logger = log.get(__name__)

BEAT_EVERY = 15.0  # seconds between two beats of a name, at most
LATE_AFTER = 60.0  # seconds without a beat: no loop's own pace is slower than that, but the slow ones'
SKEW_MOST = 2.0  # seconds; more of it, and what this machine calls "now" is no time to judge by
FOLLOWER, WORKER = "loop:", "worker"  # a loop's name has the first before it

_BEAT = """
    INSERT INTO agora_heartbeat (name, turned_at, skew) VALUES (%(name)s, clock_timestamp(), 0)
    ON CONFLICT (name) DO UPDATE SET turned_at = clock_timestamp()
    RETURNING extract(epoch FROM turned_at)::float8"""
_SKEW = "UPDATE agora_heartbeat SET skew = %(skew)s WHERE name = %(name)s"
_READ = """
    SELECT name, extract(epoch FROM clock_timestamp() - turned_at)::float8, skew FROM agora_heartbeat ORDER BY name"""

_last: dict[str, float] = {}  # by name, of this process
_lock = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    name: str
    age: float  # seconds since, by the database's clock
    skew: float  # seconds that its machine's clock was ahead of the database's


def beat(name: str) -> None:
    """Say that `name` turned; cheap to call often."""
    with _lock:
        at = time.monotonic()
        if at - _last.get(name, -BEAT_EVERY) < BEAT_EVERY:
            return
        _last[name] = at
    with connection.cursor() as cursor:
        before = time.time()
        cursor.execute(_BEAT, {"name": name})
        ((told,),) = cursor.fetchall()
        skew = skew_of(before=before, after=time.time(), told=told)
        cursor.execute(_SKEW, {"name": name, "skew": skew})
    if abs(skew) > SKEW_MOST:
        logger.error("clock is wrong", of=name, ahead=round(skew, 3))


def skew_of(*, before: float, after: float, told: float) -> float:
    """How far our clock is ahead; 0 where the database's lies between our two looks, for so far they agree."""
    if before <= told <= after:
        return 0.0
    return before - told if told < before else after - told


def heartbeats() -> list[Heartbeat]:
    """The last of each name."""
    with connection.cursor() as cursor:
        cursor.execute(_READ)
        return [Heartbeat(name=name, age=age, skew=skew) for name, age, skew in cursor.fetchall()]


def stands(prefix: str) -> float:
    """For how long none of these has turned, in seconds; 0 while one does, or before one ever did."""
    youngest = min((one.age for one in heartbeats() if one.name.startswith(prefix)), default=0.0)
    return youngest if youngest > LATE_AFTER else 0.0


def follower_stands() -> float:
    """For how long no loop of any follower has turned."""
    return stands(FOLLOWER)


def forget() -> None:
    """For tests: nobody has beaten yet."""
    _last.clear()
