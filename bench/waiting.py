"""Waiting for a condition."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(holds: Callable[[], bool], *, within: float, what: str) -> float:
    """Seconds that it took. Raises TimeoutError."""
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > within:
            raise TimeoutError(f"not within {within:g} s: {what}")
        time.sleep(0.02)
    return time.monotonic() - started
