"""The request that is being served: an id that joins log lines, audit entries and what the visitor quotes."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import uuid4

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse


@dataclass(frozen=True, slots=True)
class Visit:
    request_id: str = ""
    ip: str = ""


_current: ContextVar[Visit] = ContextVar("visit", default=Visit())  # noqa: B039 - frozen


def current_visit() -> Visit:
    """Empty outside a request: a worker, a command."""
    return _current.get()


def visitor_ip(request: HttpRequest) -> str:
    """Where the request came from. Only the proxies that we run (PROXY_COUNT) are believed, from the right."""
    if settings.PROXY_COUNT:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        if len(hops) >= settings.PROXY_COUNT:
            return str(hops[-settings.PROXY_COUNT])
    return str(request.META.get("REMOTE_ADDR", ""))


class VisitMiddleware:
    """Names each request; the name goes into its log lines, its audit entries and the answer's X-Request-ID."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        visit = Visit(request_id=uuid4().hex, ip=visitor_ip(request))
        token = _current.set(visit)
        try:
            with structlog.contextvars.bound_contextvars(request_id=visit.request_id):
                response = self.get_response(request)
        finally:
            _current.reset(token)
        response["X-Request-ID"] = visit.request_id
        return response
