"""When a delivery that failed is tried again, and when we stop trying."""

from __future__ import annotations

from datetime import datetime, timedelta

from agora.lib import retry_after as parser

# After the n-th attempt: 14 attempts over three days, less or more a tenth.
WAITS = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (1, 2, 4, 8, 12, 12, 16, 16)),
)
JITTER = 0.1  # of a wait, at most, so that a receiver that was down is not met by everything at once
LONGEST_WAIT = timedelta(hours=24)  # that a receiver may ask for

DISABLE_AFTER = timedelta(days=5)  # of nothing but failures …
DISABLE_FAILURES = 10  # … and at least so many
OVERLAP = timedelta(hours=24)  # both secrets sign for so long after a rotation, unless asked otherwise
LONGEST_OVERLAP = timedelta(days=7)
KEEP = timedelta(days=30)  # deliveries and their attempts


def wait_after(attempt: int, *, asked: timedelta | None, jitter: float) -> timedelta | None:
    """How long until the next attempt; None: that was the last. `asked` is the receiver's, `jitter` from -1 to 1."""
    if attempt > len(WAITS):
        return None
    wait = WAITS[attempt - 1] * (1 + JITTER * jitter)
    return max(wait, min(asked, LONGEST_WAIT)) if asked else wait


def asked_wait(retry_after: str, *, now: datetime) -> timedelta | None:
    """A Retry-After header (RFC 9110 §10.2.3): seconds or a date. None without one, and for nonsense."""
    wait = parser.seconds({"Retry-After": retry_after}, now=now.timestamp(), longest=LONGEST_WAIT.total_seconds())
    return None if wait is None else timedelta(seconds=wait)


def is_given_up_on(*, failing_since: datetime, failures: int, now: datetime) -> bool:
    """Whether an endpoint has failed long and often enough to be disabled."""
    return failures >= DISABLE_FAILURES and now - failing_since >= DISABLE_AFTER
