"""Who is at the other end of a request: the address, as far as it can be believed, and the request's id."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import uuid4

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)


def address_of(request: HttpRequest) -> str:
    """The visitor's IP address. Behind TRUSTED_PROXIES proxies it is the one that the outermost of them saw.

    What stands further left in X-Forwarded-For is the visitor's own claim, and is never read.
    """
    hops = settings.TRUSTED_PROXIES
    seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    claimed = seen[-hops] if 0 < hops <= len(seen) else request.META.get("REMOTE_ADDR", "")
    try:
        return str(ipaddress.ip_address(claimed))
    except ValueError:
        return ""


def network_of(address: str) -> str:
    """What counts as one visitor: an IPv4 address, or an IPv6 /64, of which everybody has a whole one."""
    if not address:
        return "unknown"
    ip = ipaddress.ip_address(address)
    return address if ip.version == 4 else str(ipaddress.ip_network(f"{address}/64", strict=False))


def origin_of(request: HttpRequest) -> str:
    """Where the visitor is. Outside the sandbox only ever our own address: a Host header is anybody's."""
    return settings.PUBLIC_URL if settings.BEHIND_TLS else f"{request.scheme}://{request.get_host()}"


@dataclass(frozen=True, slots=True)
class Visit:
    """The request that is being served: what audit entries say of where they came from."""

    request_id: str = ""
    ip: str = ""


_current: ContextVar[Visit] = ContextVar("visit", default=Visit())  # noqa: B039 - frozen


def current_visit() -> Visit:
    """Empty outside a request: a worker, a command."""
    return _current.get()


class VisitMiddleware:
    """Takes the caller's X-Request-Id if it is sane, else makes one; it is answered, and stands in every log line and
    audit entry."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        visit = Visit(request_id=given if _ID.fullmatch(given) else uuid4().hex, ip=address_of(request))
        structlog.contextvars.clear_contextvars()  # of this thread's last request, whose own log line comes after us
        structlog.contextvars.bind_contextvars(request_id=visit.request_id)
        token = _current.set(visit)
        try:
            response = self.get_response(request)
        finally:
            _current.reset(token)
        response["X-Request-Id"] = visit.request_id
        return response
