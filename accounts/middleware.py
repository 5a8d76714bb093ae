"""What every page takes from who is signed in."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.selectors import zone_of


class ZoneMiddleware:
    """Shows times where the customer lives; UTC to everybody else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(("/api/", "/admin/", "/webhooks/")):
            return self.get_response(request)
        with timezone.override(zone_of(user=request.user)):
            return self.get_response(request)
