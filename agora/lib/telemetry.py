"""What is seen of a call to a vendor: a count and a time by what came of it, a span where it is about an order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import requests

from agora.lib import tracing
from agora.lib.http import Answered
from agora.lib.metrics import CALLS


@contextmanager
def watched_call(vendor: str, request: requests.PreparedRequest) -> Iterator[Answered]:
    """`agora.lib.http.watch_calls` is given this one, where there is Django."""
    server = urlsplit(request.url or "").netloc.rpartition("@")[2]  # the rest of the URL may be a key, or an id
    method = request.method or "GET"
    began, outcome = time.monotonic(), "unreachable"
    try:
        with tracing.span(
            f"{vendor} {method}", kind="CLIENT", server__address=server, http__request__method=method
        ) as made:

            def answered(response: requests.Response) -> None:
                nonlocal outcome
                outcome = outcome_of(response.status_code)
                if made is not None:
                    made.set_attribute("http.response.status_code", response.status_code)

            yield answered
    except requests.Timeout:
        outcome = "timeout"
        raise
    finally:
        CALLS.observe(time.monotonic() - began, vendor=vendor, server=server, outcome=outcome)


def outcome_of(status: int) -> str:
    """ok, refused, throttled or failed, by the status of an answer."""
    if status < requests.codes.bad_request:
        return "ok"
    if status == requests.codes.too_many_requests:
        return "throttled"
    return "refused" if status < requests.codes.internal_server_error else "failed"
