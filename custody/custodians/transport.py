"""Fireblocks over HTTP: the guarded transport, and what each answer means (knows no SDK).

The SDK's exception carries no HTTP status and it parses numbers to floats. Both are settled here, below the SDK, in
the requests adapter mounted on its session: an answer that is not a success never reaches it.
Statuses and error bodies `{"message": …, "code": …}`: https://developers.fireblocks.com/reference/api-error-codes
"""

from __future__ import annotations

import functools
import time
from typing import Any

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from agora.lib import retry_after
from agora.lib.errors import Rejected, Unavailable, Uncertain, VendorError
from agora.lib.http import GuardedAdapter

# "The external tx id that was provided in the request, already exists": burned for good, even by a failed request
# (https://developers.fireblocks.com/reference/api-idempotency)
DUPLICATE_EXTERNAL_TX_ID = "1438"


class NotFound(Rejected):
    """Fireblocks says, in its own words, that there is no such object."""


class FireblocksTransport(GuardedAdapter):
    """Raises a VendorError for everything but a success with a JSON body."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            response = super().send(request, *args, **kwargs)
            response.content  # noqa: B018  read here: a connection lost in mid-body is a failure of this call
        except requests.RequestException as exc:
            raise _no_answer(request, exc) from exc
        error = _error_of(request, response)
        if error is not None:
            raise error
        # `amount` is a JSON number ("deprecated, use amountInfo for accuracy"): keep its digits, as a string
        response.json = functools.partial(response.json, parse_float=str)  # type: ignore[method-assign]
        return response


def _no_answer(request: requests.PreparedRequest, exc: requests.RequestException) -> VendorError:
    if isinstance(exc, requests.ConnectTimeout) or _never_connected(exc):
        return Unavailable(f"Fireblocks could not be reached: {exc}")
    return _doubt(request, f"Fireblocks did not answer: {exc}")


def _never_connected(exc: requests.RequestException) -> bool:
    cause = exc.args[0] if exc.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


def _error_of(request: requests.PreparedRequest, response: requests.Response) -> VendorError | None:
    status, body = response.status_code, _json(response)
    if 200 <= status < 300:
        return None if isinstance(body, dict | list) else _doubt(request, f"HTTP {status} without a JSON body")
    known = body if _is_refusal(body) else {}
    code = str(known.get("code", ""))
    detail = f"HTTP {status}: {known.get('message') or response.text[:500]}"
    if status == 429:
        wait = retry_after.seconds(response.headers, now=time.time())
        return Unavailable(detail, vendor_code=code, retry_after=wait)
    if status in (401, 403):
        return Unavailable(detail, vendor_code=code)  # our key, clock or permissions: no effect there, and not final
    if 400 <= status < 500 and (code == DUPLICATE_EXTERNAL_TX_ID or _says_duplicate(detail)):
        return Uncertain(detail, vendor_code=DUPLICATE_EXTERNAL_TX_ID)
    if not 400 <= status < 500 or status == 408 or not known:
        return _doubt(request, detail, code)  # 5xx, redirects, and 4xx that Fireblocks did not write
    return (NotFound if status == 404 else Rejected)(detail, vendor_code=code)


def _is_refusal(body: Any) -> bool:
    """Fireblocks' own shape, `{"message": …, "code": 1438}`; gateways on the way say `{"message": "Forbidden"}`."""
    if not isinstance(body, dict) or not isinstance(body.get("message"), str):
        return False
    return isinstance(body.get("code"), int) and not isinstance(body["code"], bool)


def _says_duplicate(detail: str) -> bool:
    """By its words, should the code ever change: taken for final, a duplicate would be sent again under a new id."""
    words = detail.lower()
    return "external" in words and "already exists" in words


def _doubt(request: requests.PreparedRequest, detail: str, code: str = "") -> VendorError:
    """A read has no effect to be uncertain about."""
    return (Unavailable if request.method == "GET" else Uncertain)(detail, vendor_code=code)


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except requests.JSONDecodeError:
        return None
