"""What an unsuccessful call to Alpaca tells about the order: Rejected, Unavailable or Uncertain.

The bodies are `{"code": 40310000, "message": "…"}`; some (401, gateway errors) have no code or are not JSON, therefore
the SDK's `APIError.code`, which parses blindly, is not used. The bodies are written out in `orders.sandbox.refusals`.
Only a body of that shape with a code that we know is Alpaca's refusal; a status alone may be a proxy's. One code stands
for many things, so the words decide between what can never come true and what only cannot be now.
"""

from __future__ import annotations

import json
import re
import time
from typing import Any

import requests
from alpaca.common.exceptions import APIError
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from agora.lib import retry_after, storable
from agora.lib.errors import Rejected, Unavailable, Uncertain, VendorError

# The status and the codes that come with it: a request, or a field of it, that is wrong; a business rule; an order that
# cannot be; nothing of that id.
REFUSALS = {
    400: frozenset({"40010000", "40010001"}),
    403: frozenset({"40310000"}),
    404: frozenset({"40410000"}),
    422: frozenset({"40010000", "40010001", "40310000", "42210000"}),
}
# What stays true of an order of ours, or of a wish to cancel one, by Alpaca's words; any others (a wash trade with an
# order that is still open, day-trade protection, shares held for another order, an account that may not trade today,
# words that we do not know) may pass: they wait.
FOR_GOOD = re.compile(
    r"insufficient buying power|cost basis must be|not (fractionable|shortable)|"
    r"qty (must be|is required)|symbol is required|invalid (qty|side|symbol)|decimal places|sub-penny|"
    r"(asset|symbol)( \S+)? not found|could not find asset|request body format is invalid|must be day orders|"
    r"client_order_id must be no more than|(order|position) not found|not cancell?able|order is already in",
    re.IGNORECASE,
)
NOT_NOW = re.compile(
    r"wash trade|day.?trad|insufficient qty|halt|suspended|market (is )?closed|not (currently )?(open|active|tradable)|"
    r"temporar|try again|not now|at this time|restricted|unavailable|pending",
    re.IGNORECASE,
)
# The words of the 404 that says that an order or a position is not there: the same code says it of an endpoint.
ABSENT = re.compile(r"order not found|position (does not exist|not found)", re.IGNORECASE)
# Never reached the order book: too many requests.
NOT_PROCESSED = frozenset({405, 429})
# A taken client_order_id is told by its words: the code is 42210000 while the older order is open and 40010001 later.
DUPLICATE = re.compile(r"client.?order.?id must be unique", re.IGNORECASE)
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
    if effect and DUPLICATE.search(message):
        return Uncertain(f"{message}: an order of that id exists, look it up", vendor_code=code)
    if status == 401 or (status == 403 and message in FORBIDDEN):
        return Unavailable(
            f"Alpaca refused our API keys ({status} {message}): a person must set them", vendor_code=code
        )
    if effect and code in REFUSALS.get(status, ()):  # a refused question says nothing of what it was about
        if FOR_GOOD.search(message) and not NOT_NOW.search(message):
            return Rejected(message, vendor_code=code)
        return Unavailable(f"not now: {message}", vendor_code=code)
    if status in NOT_PROCESSED or (status == 404 and not effect):
        headers = error.response.headers if error.response is not None else {}
        wait = retry_after.seconds(headers, now=time.time(), reset="X-RateLimit-Reset")
        return Unavailable(f"{status} {message}", vendor_code=code, retry_after=wait)
    return _unknown(f"{status} {message}", effect=effect, code=code)


def is_absent(error: APIError) -> bool:
    """Whether Alpaca itself says that there is no such thing; any other 404 may be a proxy's, or of a wrong path."""
    code, message = _body(str(error))
    return status_of(error) == 404 and code in REFUSALS[404] and ABSENT.search(message) is not None


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
    """(code, message) of an error body in Alpaca's shape; else no code, and the text itself, shortened."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return "", text[:500]
    if not isinstance(parsed, dict):
        return "", text[:500]
    code, message = parsed.get("code"), parsed.get("message")
    has_code = isinstance(code, int) and not isinstance(code, bool) and isinstance(message, str)
    words = message if isinstance(message, str) else text
    return str(code) if has_code else "", storable.text(words[:500])
