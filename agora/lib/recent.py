"""When a browser's visitor last proved who they are: what shows or ends a lot asks for a recent proof."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

PROVEN_AT = "proven_at"  # seconds, in the session


class SignInClock:
    """Notes the time whenever a signed-in session changes its key, as it does at each sign-in and each wallet proven.

    A login's `last_login` would not do: it is the person's, and a stolen session would age with their next visit.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        before = request.session.session_key
        response = self.get_response(request)
        after = request.session.session_key
        if after and after != before and SESSION_KEY in request.session:
            request.session[PROVEN_AT] = int(timezone.now().timestamp())
        return response


def signed_in_at(request: HttpRequest) -> datetime | None:
    """When this session's visitor last signed in; None where nobody noted it."""
    seconds = request.session.get(PROVEN_AT)
    return datetime.fromtimestamp(seconds, tz=UTC) if isinstance(seconds, int) else None
