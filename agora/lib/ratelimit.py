"""Rates: so many in so many seconds, for a name. One statement a request, exact between any number of processes.

The algorithm is GCRA, a token bucket kept as one time: each use moves `full_at` by a share of the window, and a use
that would move it further than a window ahead is refused and writes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from agora.lib.errors import AgoraError

TABLE = "agora_ratebucket"  # agora.models.RateBucket

_TAKE = f"""
    INSERT INTO {TABLE} AS bucket (name, full_at) VALUES (%(name)s, %(now)s::timestamptz + %(share)s)
    ON CONFLICT (name) DO UPDATE SET full_at = greatest(bucket.full_at, %(now)s) + %(share)s
    WHERE greatest(bucket.full_at, %(now)s) + %(share)s <= %(now)s::timestamptz + %(window)s
    RETURNING full_at
"""  # noqa: S608 - a table name of ours


class RateLimited(AgoraError):
    code = "rate_limited"
    status = 429
    title = "Too many requests"


@dataclass(frozen=True, slots=True)
class Rate:
    """`quota` uses in `window` seconds, all at once if the caller likes."""

    policy: str  # as the headers name it
    quota: int
    window: int = 60


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a rate, as the headers of draft-ietf-httpapi-ratelimit-headers say it."""

    rate: Rate
    remaining: int
    full_in: float  # seconds until all of it is there again
    wait: float = 0.0  # seconds until the next use; 0 when this one was granted

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Policy": f'"{self.rate.policy}";q={self.rate.quota};w={self.rate.window}',
            "RateLimit": f'"{self.rate.policy}";r={self.remaining};t={math.ceil(self.full_in)}',
        }


def take(*, name: str, rate: Rate, now: datetime) -> Left:
    """Use a rate once; `wait` of the answer is more than 0 when it was refused."""
    share, window = timedelta(seconds=rate.window) / rate.quota, timedelta(seconds=rate.window)
    values: dict[str, Any] = {"name": name, "now": now, "share": share, "window": window}
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, values)
        row = cursor.fetchone()
        if row is None:
            cursor.execute(f"SELECT full_at FROM {TABLE} WHERE name = %s", [name])  # noqa: S608
            row = cursor.fetchone() or (now,)  # pruned in between: the bucket is full
            wait = (row[0] + share - now - window).total_seconds()
            return Left(rate, 0, _seconds(row[0] - now), max(wait, 0.001))
    used = row[0] - now
    return Left(rate, int((window - used) / share + 1e-6), _seconds(used))


def require(*, name: str, rate: Rate, now: datetime) -> Left:
    """As `take`. Raises RateLimited."""
    left = take(name=name, rate=rate, now=now)
    if left.wait:
        raise refusal(left)
    return left


def refusal(left: Left) -> RateLimited:
    seconds = math.ceil(left.wait)
    error = RateLimited(
        f"At most {left.rate.quota} requests in {left.rate.window} seconds. Wait {seconds} s, then send it again."
    )
    error.retry_after = seconds
    return error


def prune(*, now: datetime) -> int:
    """Forget the buckets that are full; how many."""
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {TABLE} WHERE full_at < %s", [now])  # noqa: S608
        return int(cursor.rowcount)


def _seconds(delta: timedelta) -> float:
    return max(0.0, delta.total_seconds())
