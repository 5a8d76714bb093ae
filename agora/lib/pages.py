"""Pages: what a refusal looks like there."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from agora.lib.errors import AgoraError


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
