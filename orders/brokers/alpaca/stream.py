"""Alpaca's trade-updates stream (https://docs.alpaca.markets/docs/websocket-streaming), one connection at a time.

Not alpaca-py's TradingStream: it connects again by itself without telling, so nobody would list what happened between
(the stream replays nothing); it waits 180 s for a ping, and a bad message ends its loop. The protocol is four messages.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from agora.lib.errors import Unavailable
from agora.lib.http import CONNECT_TIMEOUT, READ_TIMEOUT, assert_no_transaction
from agora.lib.nesting import check_depth
from orders.brokers.alpaca import wire
from orders.brokers.base import MalformedUpdate, StreamItem, StreamOpened

LOOK_AT_STOP_EVERY = 0.25
PING_EVERY = 10.0  # a dead peer is noticed within PING_EVERY + PING_TIMEOUT
PING_TIMEOUT = 10.0
STREAM = "trade_updates"


def follow_trade_updates(*, url: str, key_id: str, secret_key: str, stop: threading.Event) -> Iterator[StreamItem]:
    """Connect once and yield until `stop` is set; Unavailable when the connection fails, is refused or ends."""
    assert_no_transaction()
    try:
        with connect(
            url,
            open_timeout=CONNECT_TIMEOUT + READ_TIMEOUT,
            ping_interval=PING_EVERY,
            ping_timeout=PING_TIMEOUT,
            close_timeout=1.0,
        ) as connection:
            early = _open(connection, key_id, secret_key)
            yield StreamOpened()
            yield from early
            yield from _items(connection, stop)
    except (WebSocketException, OSError) as error:  # TimeoutError is an OSError
        raise Unavailable(f"Alpaca's stream ended: {type(error).__name__}: {error}") from error


def _open(connection: ClientConnection, key_id: str, secret_key: str) -> list[StreamItem]:
    """Authenticate and listen. Returns the updates that came in before the answer to listen."""
    connection.send(json.dumps({"action": "auth", "key": key_id, "secret": secret_key}))
    answer = _loads(connection.recv(timeout=READ_TIMEOUT))
    if _field(answer, "stream") != "authorization" or _field(_field(answer, "data"), "status") != "authorized":
        raise Unavailable(f"Alpaca's stream refused our API keys: a person must set them ({str(answer)[:200]})")
    connection.send(json.dumps({"action": "listen", "data": {"streams": [STREAM]}}))
    early: list[StreamItem] = []
    while True:
        frame = connection.recv(timeout=READ_TIMEOUT)
        answer = _loads(frame)
        if _field(answer, "stream") == "listening":
            break
        early.extend(_read(frame))
    if STREAM not in (_field(_field(answer, "data"), "streams") or []):
        raise Unavailable(f"Alpaca's stream does not offer {STREAM}: {str(answer)[:200]}")
    return early


def _items(connection: ClientConnection, stop: threading.Event) -> Iterator[StreamItem]:
    while not stop.is_set():
        try:
            frame = connection.recv(timeout=LOOK_AT_STOP_EVERY)
        except TimeoutError:
            continue
        yield from _read(frame)


def _read(frame: str | bytes) -> Iterator[StreamItem]:
    """What a frame says: an update, something unreadable, or nothing for us. Paper sends binary frames, live text."""
    message = _loads(frame)
    if _field(message, "action") == "error":
        raise Unavailable(f"Alpaca's stream reports an error: {str(_field(message, 'data'))[:200]}")
    if _field(message, "stream") == "authorization":  # after opening, that is only told to who is no longer authorized
        raise Unavailable(f"Alpaca's stream no longer accepts us: {str(message)[:200]}")
    if _field(message, "stream") == "listening":
        return
    if _field(message, "stream") != STREAM:
        yield MalformedUpdate(problem="not a message of trade_updates", raw=_keep(frame, message))
        return
    try:
        yield wire.parse_trade_update(_field(message, "data"))
    except ValueError as error:
        yield MalformedUpdate(problem=str(error), raw=message)


def _loads(frame: str | bytes) -> Any:
    """The JSON of a frame, fractions as their literal text; None where it is not JSON."""
    try:
        check_depth(frame if isinstance(frame, str) else frame.decode(errors="replace"))
        return json.loads(frame, parse_float=str)
    except ValueError:  # JSONDecodeError and UnicodeDecodeError
        return None


def _keep(frame: str | bytes, message: Any) -> Any:
    if message is not None:
        return message
    return frame if isinstance(frame, str) else frame.decode("utf-8", "backslashreplace")


def _field(message: Any, name: str) -> Any:
    return message.get(name) if isinstance(message, dict) else None
