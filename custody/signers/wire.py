"""What goes over the signer's socket: one request and one answer a connection, each a frame of JSON.

A frame is four bytes of length (big-endian) and that many bytes of UTF-8 JSON: one object. Sizes and times are bounded
on both sides. Numbers are integers; a fraction, a key twice, a lone surrogate or anything else that two parsers could
read differently is refused.

    {"op": "addresses"}
    {"op": "health"}
    {"op": "sign", "key": "minter", "method": "mint", "request_id": "…", "intent": {…}}

    {"ok": true, …}
    {"ok": false, "kind": "rejected" | "unavailable" | "uncertain", "code": "NONCE_TAKEN", "detail": "…"}
"""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

MAX_REQUEST = 16 * 1024  # bytes; a mint takes 700
MAX_ANSWER = 64 * 1024
_LENGTH = struct.Struct(">I")


class BrokenFrame(Exception):
    """What came is no frame, or not in time. `code` is the refusal's."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    body = json.dumps(message, separators=(",", ":")).encode()
    connection.sendall(_LENGTH.pack(len(body)) + body)


def receive(connection: socket.socket, *, at_most: int, deadline: float) -> dict[str, Any]:
    """One message, by `time.monotonic()`. Raises BrokenFrame, OSError."""
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size, deadline))
    if length > at_most:
        raise BrokenFrame("TOO_LARGE", f"{length} bytes were announced; {at_most} are allowed")
    return parse(_exactly(connection, length, deadline))


def parse(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(
            body.decode("utf-8"), object_pairs_hook=_no_key_twice, parse_float=_refuse, parse_constant=_refuse
        )
        json.dumps(message, ensure_ascii=False).encode("utf-8")  # a lone surrogate has no bytes
    except (ValueError, RecursionError) as problem:
        raise BrokenFrame("MALFORMED", f"not one JSON object of integers and strings: {problem}") from problem
    if not isinstance(message, dict):
        raise BrokenFrame("MALFORMED", "not a JSON object")
    return message


def _exactly(connection: socket.socket, size: int, deadline: float) -> bytes:
    """The deadline is for the whole of it: a byte now and then keeps nobody waiting."""
    chunks, missing = [], size
    while missing:
        left = deadline - time.monotonic()
        if left <= 0:
            raise BrokenFrame("TOO_SLOW", "the frame did not come in time")
        connection.settimeout(left)
        try:
            chunk = connection.recv(missing)
        except TimeoutError as late:
            raise BrokenFrame("TOO_SLOW", "the frame did not come in time") from late
        if not chunk:
            raise BrokenFrame("MALFORMED", f"the connection ended {missing} bytes early")
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is not an integer")
