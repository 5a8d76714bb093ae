"""Staff are signed out when they have been idle, and after a working day in any case. Customers are not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

SINCE, SEEN = "staff_since", "staff_seen_at"
WRITE_EVERY = 60.0  # seconds: the session is not saved at each request; idle time may be counted so much too long


class StaffSessionMiddleware:
    """Behind SessionMiddleware and AuthenticationMiddleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if SESSION_KEY in request.session and request.user.is_staff:
            self._check(request, timezone.now())
        return self.get_response(request)

    def _check(self, request: HttpRequest, now: datetime) -> None:
        moment = now.timestamp()
        since = request.session.setdefault(SINCE, moment)
        seen = request.session.setdefault(SEEN, moment)
        if moment - since >= settings.STAFF_SESSION or moment - seen >= settings.STAFF_IDLE:
            logout(request)
        elif moment - seen >= min(WRITE_EVERY, settings.STAFF_IDLE / 4):
            request.session[SEEN] = moment
