"""The server: what every request passes through (authentication, faults on order, idempotency keys), and its parts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from custody.sandbox import control, faults, scenarios, webhooks, wire
from custody.sandbox.auth import Authenticator
from custody.sandbox.lifecycle import Runner
from custody.sandbox.routes import MAY_SIGN, RUNNER, STORE, json_body, routes
from custody.sandbox.store import Store
from custody.sandbox.wire import ApiError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
AUTHENTICATOR = web.AppKey("authenticator", Authenticator)
IDEMPOTENCY_KEY_LENGTH = 40
IDEMPOTENCY_LIFE = 24 * 3600  # seconds


def build(store: Store, authenticator: Authenticator) -> web.Application:
    if not store.one("SELECT 1 FROM webhook_keys"):
        webhooks.rotate_key(store)
    app = web.Application(middlewares=[_gate])
    app[STORE], app[AUTHENTICATOR] = store, authenticator
    app.add_routes(routes)
    app.add_routes(control.routes)
    app.cleanup_ctx.append(_clock)
    return app


async def _clock(app: web.Application) -> AsyncIterator[None]:
    app[RUNNER] = Runner(app[STORE])
    task = asyncio.create_task(app[RUNNER].run())
    task.add_done_callback(_fail_loudly)
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _fail_loudly(task: asyncio.Task[None]) -> None:
    """A sandbox whose clock has stopped would look like a vendor that never finishes anything."""
    if not task.cancelled() and task.exception() is not None:
        task.get_loop().call_exception_handler({"message": "the clock stopped", "exception": task.exception()})
        raise SystemExit(1)


@web.middleware
async def _gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not request.path.startswith("/v1/"):
        return await handler(request)
    store = request.app[STORE]
    try:
        body = await request.read()
        authenticator = request.app[AUTHENTICATOR]
        user = authenticator.check(headers=request.headers, uri=request.raw_path, body=body)
        request[MAY_SIGN] = authenticator.may_sign(user)
        facts = scenarios.request_facts(request.method, request.path, await json_body(request))
        with store.atomic():
            store.log("request", method=request.method, path=request.raw_path, external_tx_id=facts["external_tx_id"])
            fault = scenarios.claim_for_request(store, facts) or _dealt(store, facts)
        if fault is None:
            return await _answer(request, handler)
        if fault.get("when", "before") == "after":
            await _answer(request, handler)
        if fault["fault"] == "repeated":
            await _answer(request, handler)
            return await _answer(request, handler)
        if fault["fault"] == "late":
            await asyncio.sleep(fault["seconds"])
            return await _answer(request, handler)
        return await _misbehave(request, fault)
    except ApiError as exc:
        store.log("refused", method=request.method, path=request.raw_path, status=exc.status, **exc.body)
        return exc.response()


def _dealt(store: Store, facts: dict[str, str]) -> dict[str, Any] | None:
    dealt = store.deal_fault(faults.step_of(facts), external_tx_id=facts["external_tx_id"])
    return faults.as_http(dealt, store.settings["faults"]) if dealt else None


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or key is None:
        return await handler(request)
    return await _answer_once(request, handler, key)


async def _answer_once(request: web.Request, handler: Handler, key: str) -> web.StreamResponse:
    """https://developers.fireblocks.com/reference/api-idempotency: the first answer again, for 24 hours."""
    store = request.app[STORE]
    if len(key) > IDEMPOTENCY_KEY_LENGTH:
        raise ApiError(400, wire.UNLISTED, f"Idempotency-Key has at most {IDEMPOTENCY_KEY_LENGTH} characters")
    store.run("DELETE FROM idempotency WHERE created_at < ?", time.time() - IDEMPOTENCY_LIFE)
    earlier = store.one("SELECT * FROM idempotency WHERE key = ? AND path = ?", key, request.path)
    if earlier is not None:
        return web.json_response(text=earlier["body"], status=earlier["status"])
    try:
        response = await handler(request)
        assert isinstance(response, web.Response)
        status, text = response.status, response.text or ""
    except ApiError as exc:
        response, status, text = exc.response(), exc.status, json.dumps(exc.body)
    store.run("INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?)", key, request.path, status, text, time.time())
    return response


async def _misbehave(request: web.Request, fault: dict[str, Any]) -> web.StreamResponse:
    if fault["fault"] == "status":
        headers = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
        return web.json_response({"message": "sandbox fault"}, status=fault["status"], headers=headers)
    if fault["fault"] == "not_found":
        raise ApiError(404, wire.UNLISTED, "Transaction was not found")
    if fault["fault"] == "malformed":
        return web.Response(text='{"id": "b7b0', content_type="application/json")
    if fault["fault"] == "timeout":
        await asyncio.sleep(fault.get("seconds", 30))
    if request.transport is not None:
        request.transport.abort()
    return web.Response()  # goes nowhere
