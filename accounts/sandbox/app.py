"""The server: authentication, faults on order, the methods, and a clock for reviews and webhooks.

https://docs.sumsub.com/reference/authentication · https://docs.sumsub.com/docs/webhooks
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
from aiohttp import web

from accounts.sandbox import applicants, control
from accounts.sandbox.applicants import ApiError
from accounts.sandbox.keys import CREDENTIALS, STORE, Credentials
from accounts.sandbox.store import Store

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CLOCK_SKEW = 60  # seconds
TICK = 0.02
ANSWER_WITHIN = 5.0
DIGESTS = {"HMAC_SHA256_HEX": hashlib.sha256, "HMAC_SHA512_HEX": hashlib.sha512, "HMAC_SHA1_HEX": hashlib.sha1}

routes = web.RouteTableDef()


def build(store: Store, credentials: Credentials) -> web.Application:
    app = web.Application(middlewares=[_gate])
    app[STORE], app[CREDENTIALS] = store, credentials
    app.add_routes(routes)
    app.add_routes(control.routes)
    app.cleanup_ctx.append(_clock)
    return app


@routes.post("/resources/applicants")
async def create(request: web.Request) -> web.Response:
    level = request.query.get("levelName", "")
    return web.json_response(applicants.create(request.app[STORE], level=level, body=await _json(request)), status=201)


@routes.get("/resources/applicants/{key}/one")
async def get(request: web.Request) -> web.Response:
    return web.json_response(applicants.render(applicants.by_key(request.app[STORE], request.match_info["key"])))


@routes.patch("/resources/applicants/{key}/fixedInfo")
async def change(request: web.Request) -> web.Response:
    store, key = request.app[STORE], request.match_info["key"]
    return web.json_response(applicants.change_fixed_info(store, key, await _json(request)))


@routes.post("/resources/applicants/{key}/status/pending")
async def check(request: web.Request) -> web.Response:
    applicants.request_check(request.app[STORE], request.match_info["key"])
    return web.json_response({"ok": 1})


@routes.post("/resources/applicants/{key}/status/testCompleted")
async def complete(request: web.Request) -> web.Response:
    row = applicants.by_id(request.app[STORE], request.match_info["key"])
    applicants.complete(request.app[STORE], row["id"], await _json(request))
    return web.json_response({"ok": 1})


@web.middleware
async def _gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path.startswith("/_sandbox/"):
        return await handler(request)
    store = request.app[STORE]
    try:
        _authenticate(request, await request.read())
        store.log("request", method=request.method, path=request.raw_path)
        fault = control.claim(store, f"{request.method} {request.path}")
        if fault is None:
            return await handler(request)
        if fault.get("when", "before") == "after":
            await handler(request)
        return await _misbehave(request, fault)
    except ApiError as problem:
        store.log("refused", method=request.method, path=request.raw_path, **problem.body)
        return web.json_response(problem.body, status=problem.status)


def _authenticate(request: web.Request, body: bytes) -> None:
    credentials = request.app[CREDENTIALS]
    moment = request.headers.get("X-App-Access-Ts", "")
    if request.headers.get("X-App-Token") != credentials.app_token:
        raise ApiError(401, "Invalid X-App-Token")
    if not moment.isdecimal() or abs(time.time() - int(moment)) > CLOCK_SKEW:
        raise ApiError(401, "X-App-Access-Ts is too far from our clock")
    message = moment.encode() + request.method.encode() + request.raw_path.encode() + body
    expected = hmac.new(credentials.secret_key.encode(), message, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("X-App-Access-Sig", "")):
        raise ApiError(401, "Request signature mismatch")


async def _misbehave(request: web.Request, fault: dict[str, Any]) -> web.StreamResponse:
    match fault["fault"]:
        case "status":
            return web.json_response({"message": "sandbox fault"}, status=fault["status"])
        case "malformed":
            return web.Response(text='{"id": "b7b0', content_type="application/json")
    if request.transport is not None:  # "drop"
        request.transport.abort()
    return web.Response()  # goes nowhere


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(400, "Malformed JSON")
    return body


async def _clock(app: web.Application) -> AsyncIterator[None]:
    async with aiohttp.ClientSession() as session:
        task = asyncio.create_task(_tick(app, session))
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _tick(app: web.Application, session: aiohttp.ClientSession) -> None:
    store = app[STORE]
    while True:
        applicants.complete_due(store)
        for row in store.all("SELECT * FROM webhooks WHERE next_at <= ? ORDER BY id LIMIT 20", time.time()):
            status = await _deliver(app, session, row["body"])
            pauses = store.settings["webhook_retry_seconds"]
            again = not 200 <= status < 300 and row["attempts"] < len(pauses)
            next_at = time.time() + pauses[row["attempts"]] if again else None
            store.run("UPDATE webhooks SET attempts = attempts + 1, next_at = ? WHERE id = ?", next_at, row["id"])
            store.log("webhook", status=status, will_retry=again, type=json.loads(row["body"])["type"])
        await asyncio.sleep(TICK)


async def _deliver(app: web.Application, session: aiohttp.ClientSession, body: bytes) -> int:
    """The receiver's status, 0 when there is none."""
    settings = app[STORE].settings
    headers = {"Content-Type": "application/json", **signature(app[CREDENTIALS], settings["webhook_digest"], body)}
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN)
    try:
        async with session.post(settings["webhook_url"], data=body, headers=headers, timeout=timeout) as response:
            return response.status
    except (aiohttp.ClientError, TimeoutError, OSError):
        return 0


def signature(credentials: Credentials, algorithm: str, body: bytes) -> dict[str, str]:
    digest = hmac.new(credentials.webhook_secret.encode(), body, DIGESTS[algorithm]).hexdigest()
    return {"X-Payload-Digest": digest, "X-Payload-Digest-Alg": algorithm}
