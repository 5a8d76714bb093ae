"""When this browser's staff last proved their second factor. The proof itself is in `accounts.services`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.http import HttpRequest

SESSION_KEY = "second_factor_at"


def note_second_factor(request: HttpRequest, *, now: datetime) -> None:
    request.session[SESSION_KEY] = now.timestamp()


def second_factor_at(request: HttpRequest) -> datetime | None:
    """None: not in this session."""
    at = request.session.get(SESSION_KEY)
    return None if at is None else datetime.fromtimestamp(at, UTC)


def has_recent_second_factor(request: HttpRequest, *, now: datetime) -> bool:
    """Recent enough for what could do damage: SECOND_FACTOR_FRESH seconds."""
    at = second_factor_at(request)
    return at is not None and timedelta(0) <= now - at < timedelta(seconds=settings.SECOND_FACTOR_FRESH)
