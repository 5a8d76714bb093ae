"""The one way out: every HTTP call to a vendor has time-outs and is made with no database transaction open."""

from __future__ import annotations

import sys
from typing import Any

import requests
from requests.adapters import HTTPAdapter

CONNECT_TIMEOUT = 2.0
READ_TIMEOUT = 5.0


class CallInsideTransaction(RuntimeError):
    """A vendor was called while a transaction was open: its locks would last as long as the vendor likes."""


def assert_no_transaction() -> None:
    """Raise CallInsideTransaction if this thread has a transaction open on any database connection."""
    django_db = sys.modules.get("django.db")
    if django_db is None:  # a process without Django, such as the signer's, has no transaction
        return
    for connection in django_db.connections.all(initialized_only=True):
        if connection.in_atomic_block:
            raise CallInsideTransaction(f"HTTP call inside a transaction on {connection.alias!r}")


class GuardedAdapter(HTTPAdapter):
    """A requests transport that refuses to run inside a transaction and sets a time-out where the caller set none."""

    def __init__(self, *args: Any, timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT), **kwargs: Any):
        self.timeout = timeout
        super().__init__(*args, **kwargs)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert_no_transaction()
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self.timeout
        return super().send(request, *args, **kwargs)


def guard(session: requests.Session, *, timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT)) -> None:
    """Mount the guarded transport, without retries, on a session (an SDK's or our own)."""
    adapter = GuardedAdapter(timeout=timeout, max_retries=0, pool_maxsize=16)
    session.mount("http://", adapter)
    session.mount("https://", adapter)


def guarded_session(*, timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT)) -> requests.Session:
    """A new session with the guarded transport mounted."""
    session = requests.Session()
    guard(session, timeout=timeout)
    return session
