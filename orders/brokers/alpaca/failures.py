"""What an unsuccessful call to Alpaca tells about the order: Rejected, Unavailable or Uncertain.

The bodies are `{"code": 40310000, "message": "…"}`; some (401, gateway errors) have no code or are not JSON, therefore
the SDK's `APIError.code`, which parses blindly, is not used. The bodies are written out in `orders.sandbox.refusals`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import requests
from alpaca.common.exceptions import APIError
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from agora.lib.errors import Rejected, Unavailable, Uncertain, VendorError

# Understood and refused. Whatever is in neither set may be an answer of something on the way, not of the broker.
REFUSALS = frozenset({400, 403, 422})
# Never reached the order book: wrong keys, wrong URL, too many requests.
NOT_PROCESSED = frozenset({401, 404, 405, 429})
# A taken client_order_id is told by its words: the code is 42210000 while the older order is open and 40010001 later.
DUPLICATE = "client_order_id must be unique"
# 403 means two things: "forbidden." (these keys may not) and a business refusal such as missing buying power.
FORBIDDEN = frozenset({"forbidden", "forbidden."})


def failure_of(error: APIError | requests.RequestException | ValueError, *, effect: bool) -> VendorError:
    """The error to raise instead of what the SDK raised. `effect`: the call may have changed something there."""
    if isinstance(error, APIError):
        return _answered(error, effect=effect)
    if isinstance(error, requests.RequestException) and _never_left(error):
        return Unavailable(f"Alpaca could not be reached: {error}")
    return _unknown(f"no readable answer from Alpaca: {type(error).__name__}: {error}", effect=effect)


def status_of(error: APIError) -> int:
    return int(error.status_code or 0)


def _answered(error: APIError, *, effect: bool) -> VendorError:
    status = status_of(error)
    code, message = _body(str(error))
    if status == 422 and message == DUPLICATE:
        return Uncertain(f"{message}: an order of that id exists, look it up", vendor_code=code)
    if status == 401 or (status == 403 and message in FORBIDDEN):
        return Unavailable(
            f"Alpaca refused our API keys ({status} {message}): a person must set them", vendor_code=code
        )
    if status in REFUSALS or (status == 404 and code):  # 40410000: the broker knows no such order; else no such path
        return Rejected(message, vendor_code=code)
    if status in NOT_PROCESSED:
        headers = error.response.headers if error.response is not None else {}
        return Unavailable(f"{status} {message}", vendor_code=code, retry_after=_retry_after(headers))
    return _unknown(f"{status} {message}", effect=effect, code=code)


def _unknown(detail: str, *, effect: bool, code: str = "") -> VendorError:
    if effect:
        return Uncertain(detail, vendor_code=code)
    return Unavailable(detail, vendor_code=code)


def _never_left(error: requests.RequestException) -> bool:
    """Whether the connection was never made (refused, no such host or URL), so nothing can have been sent."""
    if isinstance(error, requests.ConnectTimeout | InvalidURL | InvalidSchema | MissingSchema):
        return True
    cause: Any = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", cause), NewConnectionError | ConnectTimeoutError)


def _body(text: str) -> tuple[str, str]:
    """(code, message) of an error body; the text itself, shortened, where it has no such fields."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return "", text[:500]
    if not isinstance(parsed, dict):
        return "", text[:500]
    return str(parsed.get("code", "")), str(parsed.get("message", text[:500]))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from Retry-After or else from Alpaca's X-RateLimit-Reset (a Unix time)."""
    try:
        if "Retry-After" in headers:
            return max(0.0, float(headers["Retry-After"]))
        if "X-RateLimit-Reset" in headers:
            return max(0.0, float(headers["X-RateLimit-Reset"]) - time.time())
    except ValueError:  # an HTTP date, which Alpaca does not send: the caller has a back-off of its own
        return None
    return None
