"""How long a vendor wants us to wait (RFC 9110 §10.2.3), believed within reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST = 300.0  # seconds: a proxy that says a day, or a vendor that means milliseconds, must not stop an order so long


def seconds(headers: Mapping[str, str], *, now: float, reset: str = "", longest: float = LONGEST) -> float | None:
    """From 0 to `longest`, by Retry-After or else by the header named `reset`, a Unix time; None where neither can be
    read. `now` in seconds of the Unix time."""
    asked = headers.get("Retry-After")
    wait = None if asked is None else _number(asked)
    if wait is None and asked is not None:
        wait = _until_date(asked, now)
    if wait is None and reset and (at := _number(headers.get(reset, ""))) is not None:
        wait = at - now
    return None if wait is None else min(max(0.0, wait), longest)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _until_date(text: str, now: float) -> float | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    try:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError, OSError):
        return None
