"""The control plane under /_sandbox/: not Alpaca's. Loopback only, no keys, never logged as a request."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from orders.sandbox import scenarios, wire
from orders.sandbox.engine import Engine, Impossible
from orders.sandbox.rest import json_body, reply
from orders.sandbox.runner import Runner, perform
from orders.sandbox.stream import Hub

BY_HAND = frozenset({"fill", "cancel", "expire", "reject", "bust", "correct", "status", "say"})


class Control:
    def __init__(self, engine: Engine, runner: Runner, hub: Hub) -> None:
        self._engine, self._runner, self._hub, self._store = engine, runner, hub, engine.store

    def routes(self) -> list[web.RouteDef]:
        """Below /_sandbox."""
        return [
            web.get("/health", self.health),
            web.get("/log", self.log),
            web.post("/scenario", self.scenario),
            web.post("/settings", self.settings),
            web.post("/market", self.market),
            web.post("/reset", self.reset),
            web.post("/emit", self.emit),
            web.post("/disconnect", self.disconnect),
            web.post("/orders/{order_id}/{what}", self.drive),
        ]

    async def health(self, request: web.Request) -> web.Response:
        return reply({"ok": True, "listening": self._hub.listening()})

    async def log(self, request: web.Request) -> web.Response:
        return reply({"log": self._store.read_log(after=int(request.query.get("after", "0")))})

    async def scenario(self, request: web.Request) -> web.Response:
        return reply({"scenario": scenarios.add(self._store, await _object(request))})

    async def settings(self, request: web.Request) -> web.Response:
        settings = self._engine.settings.update(await _object(request))
        self._runner.market_changed()
        return reply(settings)

    async def market(self, request: web.Request) -> web.Response:
        is_open = bool((await _object(request)).get("open"))
        closed_at = None if is_open else self._engine.settings["market_closed_at"] or wire.now()
        self._engine.settings.update({"market_open": is_open, "market_closed_at": closed_at})
        self._runner.market_changed()
        return reply({"open": is_open})

    async def reset(self, request: web.Request) -> web.Response:
        """Forget everything; connections of the stream stay."""
        self._runner.stop()
        self._store.reset()
        self._engine.settings.reload()
        self._runner.market_changed()
        return reply({})

    async def emit(self, request: web.Request) -> web.Response:
        """Say on the stream: `raw` text, `json`, or a trade update of `order_id` with any `event` and `fields`."""
        body = await _object(request)
        if "raw" in body:
            self._hub.emit(str(body["raw"]))
        elif "json" in body:
            self._hub.emit(wire.dumps(body["json"]))
        else:
            order = self._engine.order(body["order_id"])
            self._hub.emit(wire.dumps(wire.trade_update(body["event"], order, **body.get("fields", {}))))
        return reply({})

    async def disconnect(self, request: web.Request) -> web.Response:
        return reply({"disconnected": self._hub.disconnect()})

    async def drive(self, request: web.Request) -> web.Response:
        """One step by hand; what was left of the order's script is dropped."""
        order_id, what = request.match_info["order_id"], request.match_info["what"]
        if what not in BY_HAND:
            raise ValueError(f"no such step: {what}; there are {', '.join(sorted(BY_HAND))}")
        body = await _object(request) if request.can_read_body else {}
        with self._engine.unit():
            self._runner.finish(order_id)
            self._engine.release(order_id)
            perform(self._engine, order_id, {**body, "do": what})
        return reply(self._engine.order(order_id))


@web.middleware
async def guard_control(request: web.Request, handler: Any) -> web.StreamResponse:
    """Loopback only; what makes no sense is answered with 400 and the reason."""
    if request.remote not in ("127.0.0.1", "::1"):
        return web.Response(status=403, text="loopback only")
    try:
        response: web.StreamResponse = await handler(request)
    except Impossible as problem:
        return web.json_response({"problem": str(problem)}, status=409)
    except (ValueError, KeyError, ArithmeticError) as problem:
        return web.json_response({"problem": f"{type(problem).__name__}: {problem}"}, status=400)
    return response


async def _object(request: web.Request) -> dict[str, Any]:
    body = await json_body(request)
    if not isinstance(body, dict):
        raise ValueError("the body is not a JSON object")
    return {name: _plain(value) for name, value in body.items()}


def _plain(value: Any) -> Any:
    """Decimals as texts, for the store keeps JSON."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if type(value).__name__ == "Decimal" else value
