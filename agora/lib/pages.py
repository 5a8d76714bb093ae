"""Pages: what each of them is given, and what a refusal looks like there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from agora.lib.errors import AgoraError


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
