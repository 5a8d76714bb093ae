"""The trade stream at /stream: https://docs.alpaca.markets/docs/websocket-streaming

Clients authenticate and listen; every event goes to all that listen, nothing is kept for those who do not.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import WSMsgType, web

from orders.sandbox import wire
from orders.sandbox.faults import Faults
from orders.sandbox.settings import Settings

LATE = 2.0  # seconds
REORDER_PATIENCE = 0.5  # seconds after which a message held back for reordering goes out alone


class Connection:
    """One client: its queue keeps the order of messages while they are written."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self.request = request
        self.socket = socket
        self.authorized = False
        self.streams: list[str] = []
        self.queue: asyncio.Queue[str] = asyncio.Queue()

    def say(self, message: dict[str, Any]) -> None:
        self.queue.put_nowait(wire.dumps(message))

    def cut(self) -> None:
        if self.request.transport is not None:
            self.request.transport.abort()


class Hub:
    def __init__(self, settings: Settings, faults: Faults, *, key_id: str, secret_key: str) -> None:
        self._settings, self._faults = settings, faults
        self._keys = (key_id, secret_key)
        self._connections: set[Connection] = set()
        self._held_back: dict[str, str] = {}  # by order id, for `reorder`

    def publish(self, message: dict[str, Any], *, fault: str = "") -> None:
        """Say a trade update to all who listen, or misbehave as asked."""
        text = wire.dumps(message)
        fault = fault or self._faults.for_stream(event=message["data"]["event"]) or self._settings["stream"]
        if fault == "swallow":
            return
        if fault == "reorder":
            self._reorder(message["data"]["order"]["id"], text)
            return
        if fault == "late":
            asyncio.get_running_loop().call_later(LATE, self.emit, text)
            return
        if fault == "cut":
            self.disconnect()
            return
        self.emit(text)
        if fault == "duplicate":
            self.emit(text)

    def emit(self, text: str) -> None:
        """Say a text as it is, JSON or not."""
        for connection in self._connections:
            if "trade_updates" in connection.streams:
                connection.queue.put_nowait(text)

    def disconnect(self) -> int:
        """Cut all connections without a farewell. Returns how many."""
        connections = list(self._connections)
        for connection in connections:
            connection.cut()
        return len(connections)

    def listening(self) -> int:
        return sum("trade_updates" in connection.streams for connection in self._connections)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self._settings["stream"] == "refuse":
            return web.Response(status=503, text="service unavailable")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(request, socket)
        self._connections.add(connection)
        writer = asyncio.create_task(self._write(connection))
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._answer(connection, message.data)
        finally:
            self._connections.discard(connection)
            writer.cancel()
        return socket

    async def _write(self, connection: Connection) -> None:
        while True:
            text = await connection.queue.get()
            try:
                if self._settings["frames"] == "binary":
                    await connection.socket.send_bytes(text.encode())
                else:
                    await connection.socket.send_str(text)
            except (ConnectionError, RuntimeError):  # gone: aiohttp raises RuntimeError on a closing socket
                return

    def _answer(self, connection: Connection, text: str | bytes) -> None:
        try:
            message = json.loads(text)
            action, data = message["action"], message.get("data") or {}
        except (ValueError, KeyError, TypeError, AttributeError):
            connection.say({"action": "error", "data": {"error_message": "invalid message"}})
            return
        if action in ("auth", "authenticate"):  # the documented form, and the one that alpaca-py still sends
            given = (message.get("key", data.get("key_id")), message.get("secret", data.get("secret_key")))
            connection.authorized = given == self._keys
            self._authorization(connection, "authenticate")
        elif action == "listen" and connection.authorized:
            connection.streams = [name for name in data.get("streams", []) if name == "trade_updates"]
            connection.say({"stream": "listening", "data": {"streams": connection.streams}})
        else:
            self._authorization(connection, str(action))

    def _authorization(self, connection: Connection, action: str) -> None:
        status = "authorized" if connection.authorized else "unauthorized"
        connection.say({"stream": "authorization", "data": {"status": status, "action": action}})

    def _reorder(self, order_id: str, text: str) -> None:
        earlier = self._held_back.pop(order_id, None)
        if earlier is not None:
            self.emit(text)
            self.emit(earlier)
            return
        self._held_back[order_id] = text
        asyncio.get_running_loop().call_later(REORDER_PATIENCE, self._let_go, order_id, text)

    def _let_go(self, order_id: str, text: str) -> None:
        if self._held_back.get(order_id) == text:
            del self._held_back[order_id]
            self.emit(text)
