"""Pages: what each of them is given, and what a refusal looks like there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from agora.lib.errors import AgoraError


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: object) -> HttpResponse:
    """What whoever has guessed too often sees (AXES_LOCKOUT_CALLABLE)."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    words = {
        "title": _("Too many wrong passwords"),
        "detail": _("Wait %(minutes)d minutes, then try again. Signing in with a wallet works all the while.")
        % {"minutes": minutes},
    }
    page = render(request, "refused.html", words, status=429)
    page["Retry-After"] = str(minutes * 60)
    return page


def site(request: HttpRequest) -> dict[str, Any]:
    """A context processor: what the frame of every page needs."""
    return {"mode": settings.AGORA_MODE, "languages": settings.LANGUAGES}


class RefusalMiddleware:
    """Shows an AgoraError that a view let through as a page with its status. (The API answers problem+json itself.)"""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, AgoraError):
            return None
        return render(request, "refused.html", {"title": error.title, "detail": error.detail}, status=error.status)
