"""Pages by cursor: opaque, and stable while rows are added."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from rest_framework.request import Request

from agora.lib.errors import AgoraError

DEFAULT, MOST = 50, 200


class CursorInvalid(AgoraError):
    code = "cursor_invalid"
    status = 400
    title = "The page asked for does not exist"


def limit_of(request: Request) -> int:
    """`?limit=`, 1 to 200. Raises CursorInvalid."""
    text = request.query_params.get("limit", str(DEFAULT))
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MOST):
        raise CursorInvalid(f"`limit` is a number from 1 to {MOST}.")
    return int(text)


def encode(*place: str | int) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def decode(text: str, *types: type) -> tuple[Any, ...]:
    """The place that `encode` was given. It names a place, never a right: who may see what is asked elsewhere."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        place = None
    if not isinstance(place, list) or [type(part) for part in place] != list(types):
        raise CursorInvalid("Use `next_cursor` of the page before, as it came.")
    return tuple(place)
