"""The one way out: every HTTP call to a vendor has time-outs and is made with no database transaction open."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from agora.lib.nesting import NestedTooDeeply, check_depth

CONNECT_TIMEOUT = 2.0
READ_TIMEOUT = 5.0


Answered = Callable[[requests.Response], None]
Watcher = Callable[[str, requests.PreparedRequest], AbstractContextManager[Answered]]


@contextmanager
def _nobody(vendor: str, request: requests.PreparedRequest) -> Iterator[Answered]:
    yield lambda response: None


_watch: Watcher = _nobody


def watch_calls(watcher: Watcher) -> None:
    """From now on `watcher(vendor, request)` is around every call, and is given the answer where there is one.

    A seam, and not an import: the signer's process makes calls, too, and has neither Django nor metrics.
    """
    global _watch  # set once, when a process starts
    _watch = watcher


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
    """A requests transport that refuses to run inside a transaction and sets a time-out where the caller set none.

    Each call is told to whoever watches (`watch_calls`), by its vendor.
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
        with _watch(self.vendor, request) as answered:
            response = super().send(request, *args, **kwargs)
            answered(response)
            if not kwargs.get("stream"):
                _refuse_deep(response)
            return response


def _refuse_deep(response: requests.Response) -> None:
    """Before anybody's parser, an SDK's too, may end the process by it (see `nesting`): no answer that can be read."""
    try:
        check_depth(response.content.decode(errors="replace"))
    except NestedTooDeeply as problem:
        raise requests.exceptions.InvalidJSONError(str(problem), response=response) from problem


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
