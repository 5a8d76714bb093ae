"""The application: keys, rate limit and scripted faults around the API, the control plane beside it."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from aiohttp import web

from orders.sandbox import refusals, scenarios, wire
from orders.sandbox.control import Control, guard_control
from orders.sandbox.engine import Engine
from orders.sandbox.faults import Faults
from orders.sandbox.ptax import PREFIX, Ptax
from orders.sandbox.refusals import Refusal
from orders.sandbox.rest import PLAN, Api, Handler, json_body, quantity_of
from orders.sandbox.runner import Runner
from orders.sandbox.settings import Settings
from orders.sandbox.store import Store
from orders.sandbox.stream import Hub

# What a scripted `reject` says where the script does not: as Alpaca would with that status.
REJECT = {403: (40310000, "insufficient buying power"), 422: (42210000, "asset is not fractionable")}


def build(*, data: Path, key_id: str, secret_key: str) -> web.Application:
    data.mkdir(parents=True, exist_ok=True)
    store = Store(data / "alpaca.sqlite3")
    settings = Settings(store)
    faults = Faults(store, settings)
    hub = Hub(settings, faults, key_id=key_id, secret_key=secret_key)
    engine = Engine(store, hub, settings)
    runner = Runner(engine)
    gate = Gate(engine, faults, key_id=key_id, secret_key=secret_key)

    app = web.Application(middlewares=[gate.middleware])
    app.add_routes(Api(engine, runner).routes())
    app.add_routes(Ptax(settings).routes())
    app.router.add_get("/stream", hub.handle)
    control = web.Application(middlewares=[guard_control])
    control.add_routes(Control(engine, runner, hub).routes())
    app.add_subapp("/_sandbox", control)

    async def begin(_: web.Application) -> None:
        runner.resume()

    async def end(_: web.Application) -> None:
        runner.stop()
        store.close()

    app.on_startup.append(begin)
    app.on_cleanup.append(end)
    return app


class Gate:
    """What every request of the API passes: rate limit, keys, scripted faults before and after, the log."""

    def __init__(self, engine: Engine, faults: Faults, *, key_id: str, secret_key: str) -> None:
        self._engine, self._store, self._settings = engine, engine.store, engine.settings
        self._faults = faults
        self._keys = (key_id, secret_key)
        self._minute, self._used = 0, 0

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_sandbox") or request.path == "/stream":
            return await handler(request)
        faults: list[str] = []
        facts = await self._facts(request)
        try:
            if not request.path.startswith(PREFIX):  # Banco Central's, open to all
                self._limit()
                self._authenticate(request)
            response = await self._with_faults(request, handler, facts, faults)
        except Refusal as refusal:
            response = refusal.response()
        self._store.log(
            "request",
            method=request.method,
            path=request.path,
            query=dict(request.query),
            status=0 if "drop" in faults else response.status,
            faults=faults,
            client_order_id=facts.get("client_order_id"),
        )
        return response

    async def _with_faults(
        self, request: web.Request, handler: Handler, facts: dict[str, Any], faults: list[str]
    ) -> web.StreamResponse:
        endpoint = _endpoint(request)
        plan = scenarios.plan_for(self._store, endpoint=endpoint, facts=facts, magic=self._settings["magic"])
        if not plan.answer:
            plan.answer = self._faults.for_request(endpoint, client_order_id=facts.get("client_order_id"))
        if endpoint == scenarios.SUBMIT and plan.is_default:
            plan.script = self._faults.life() or plan.script
        request[PLAN] = plan
        for step in plan.at("before"):
            faults.append(step["do"])
            replaced = await _disturb(request, step, None)
            if replaced is not None:
                return replaced
        response = await handler(request)
        for step in plan.at("after"):
            faults.append(step["do"])
            if step["do"] == "repeat":
                response = await handler(request)
            response = await _disturb(request, step, response) or response
        return response

    async def _facts(self, request: web.Request) -> dict[str, Any]:
        """What a scenario can match: of the body, the query, or the order in the path."""
        if request.method == "POST":
            body = await json_body(request)
            if not isinstance(body, dict):
                return {}
            texts = {name: body.get(name) for name in ("client_order_id", "symbol")}
            return {**{name: text for name, text in texts.items() if isinstance(text, str)}, "qty": quantity_of(body)}
        order = self._store.order(request.match_info.get("order_id", ""))
        return order or {"client_order_id": request.query.get("client_order_id")}

    def _limit(self) -> None:
        limit = self._settings["rate_limit"]
        if limit is None:
            return
        minute = int(time.time()) // 60
        self._used = self._used + 1 if minute == self._minute else 1
        self._minute = minute
        if self._used > limit:
            raise refusals.rate_limited(limit=limit, reset_at=(minute + 1) * 60)

    def _authenticate(self, request: web.Request) -> None:
        given = (request.headers.get("APCA-API-KEY-ID"), request.headers.get("APCA-API-SECRET-KEY"))
        if given != self._keys:
            raise refusals.unauthorized()


async def _disturb(request: web.Request, step: dict[str, Any], response: Any) -> web.StreamResponse | None:
    """Carry out a fault. Returns the answer to give instead; None: as it would have been."""
    match step["do"]:
        case "sleep":
            await asyncio.sleep(float(step["seconds"]))
        case "reject":
            status = step.get("status", 422)
            usual = REJECT.get(status, REJECT[422])
            return Refusal(status, step.get("code", usual[0]), step.get("message", usual[1])).response()
        case "fail":
            code, message = step.get("code"), step.get("message", "internal server error occurred")
            return Refusal(step.get("status", 500), code, message, step.get("headers")).response()
        case "drop":
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        case "garble":
            return web.Response(body=response.body[: len(response.body) // 2], content_type="application/json")
        case "alter":
            return web.json_response({**json.loads(response.body), **step["set"]}, dumps=wire.dumps)
    return None


def _endpoint(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return f"{request.method} {request.path if resource is None else resource.canonical}"
