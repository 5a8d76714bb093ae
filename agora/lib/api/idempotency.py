"""The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header): its form, and a request's fingerprint."""

from __future__ import annotations

import re

from django.utils.crypto import salted_hmac

from agora.lib.errors import AgoraError

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
# A structured-field string (RFC 9651 §3.3.3) as the draft wants it, or the same characters without the quotes, as
# most clients send them. Both name the same key.
_QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"')
_BARE = re.compile(r"[A-Za-z0-9_.:~+/=-]{1,255}", re.ASCII)


class IdempotencyKeyMissing(AgoraError):
    code = "idempotency_key_missing"
    status = 400
    title = "An Idempotency-Key is needed"


class IdempotencyKeyInvalid(AgoraError):
    code = "idempotency_key_invalid"
    status = 400
    title = "The Idempotency-Key is not valid"


class IdempotencyKeyReused(AgoraError):
    code = "idempotency_key_reused"
    status = 422
    title = "This Idempotency-Key was used for another request"


class IdempotencyInFlight(AgoraError):
    code = "idempotency_in_flight"
    status = 409
    title = "The first request with this key is still running"
    retry_after = 1


def read_key(header: str | None) -> str:
    """The key, "" where there is none. Raises IdempotencyKeyInvalid."""
    if header is None:
        return ""
    text = header.strip()
    if quoted := _QUOTED.fullmatch(text):
        return re.sub(r'\\(["\\])', r"\1", quoted[1])
    if _BARE.fullmatch(text):
        return text
    raise IdempotencyKeyInvalid("Send 1 to 255 printable characters in double quotes, such as a new UUID.")


def fingerprint(body: bytes) -> str:
    """HMAC-SHA256 of a body: bodies are compared without being kept, and short ones (a tax id) cannot be guessed."""
    return salted_hmac("agora.idempotency", body, algorithm="sha256").hexdigest()
