"""The one way out: every HTTP call to a vendor has time-outs and is made with no database transaction open."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import requests
from django.db import connections
from requests.adapters import HTTPAdapter

from agora.lib import tracing
from agora.lib.metrics import CALLS

CONNECT_TIMEOUT = 2.0
READ_TIMEOUT = 5.0


class CallInsideTransaction(RuntimeError):
    """A vendor was called while a transaction was open: its locks would last as long as the vendor likes."""


def assert_no_transaction() -> None:
    """Raise CallInsideTransaction if this thread has a transaction open on any database connection."""
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            raise CallInsideTransaction(f"HTTP call inside a transaction on {connection.alias!r}")


class GuardedAdapter(HTTPAdapter):
    """A requests transport that refuses to run inside a transaction and sets a time-out where the caller set none.

    Each call is counted by its vendor and by what came of it on the wire, and is a span where it is about an order.
    """

    def __init__(
        self,
        *args: Any,
        vendor: str = "other",
        timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT),
        **kwargs: Any,
    ) -> None:
        self.vendor = vendor
        self.timeout = timeout
        super().__init__(*args, **kwargs)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert_no_transaction()
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self.timeout
        server = urlsplit(request.url or "").netloc.rpartition("@")[2]  # the rest of the URL may be a key, or an id
        method = request.method or "GET"
        began, outcome = time.monotonic(), "unreachable"
        try:
            with tracing.span(
                f"{self.vendor} {method}", kind="CLIENT", server__address=server, http__request__method=method
            ) as made:
                response = super().send(request, *args, **kwargs)
                outcome = outcome_of(response.status_code)
                if made is not None:
                    made.set_attribute("http.response.status_code", response.status_code)
                return response
        except requests.Timeout:
            outcome = "timeout"
            raise
        finally:
            CALLS.observe(time.monotonic() - began, vendor=self.vendor, server=server, outcome=outcome)


def outcome_of(status: int) -> str:
    """ok, refused, throttled or failed, by the status of an answer."""
    if status < requests.codes.bad_request:
        return "ok"
    if status == requests.codes.too_many_requests:
        return "throttled"
    return "refused" if status < requests.codes.internal_server_error else "failed"


def guard(
    session: requests.Session, *, vendor: str = "other", timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT)
) -> None:
    """Mount the guarded transport, without retries, on a session (an SDK's or our own)."""
    adapter = GuardedAdapter(vendor=vendor, timeout=timeout, max_retries=0, pool_maxsize=16)
    session.mount("http://", adapter)
    session.mount("https://", adapter)


def guarded_session(
    *, vendor: str = "other", timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT)
) -> requests.Session:
    """A new session with the guarded transport mounted. `vendor`: what metrics call whoever is asked."""
    session = requests.Session()
    guard(session, vendor=vendor, timeout=timeout)
    return session
