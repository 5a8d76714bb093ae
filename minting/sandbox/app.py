"""The server: JSON-RPC at /, to the node and back, and the control plane, which no node has:

POST   /_sandbox/settings    changes settings (faults.py); answers all of them
POST   /_sandbox/scenario    adds a script; answers {"id": …}
POST   /_sandbox/reset       an honest node again; the log stays
GET    /_sandbox/log?after=ID&kind=…   what was done, oldest first: fault, lie (kind of lie in `lie`), broadcast (`raw`,
                             `tx_hash`, `passed_on`), reset
GET    /_sandbox/stats       calls by method, HTTP requests
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from minting.sandbox import lagging, lies
from minting.sandbox.faults import Faults

Json = Any
LIMIT_EXCEEDED = {"code": -32005, "message": "limit exceeded"}


class Log:
    """What was done, in a file and in memory."""

    def __init__(self, path: Path) -> None:
        self.entries: list[dict[str, Any]] = []
        if path.exists():
            self.entries = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
        self._file = path.open("a", buffering=1)
        self.calls: Counter[str] = Counter()
        self.requests = 0

    def add(self, kind: str, **data: Any) -> None:
        entry = {"id": len(self.entries) + 1, "at": time.time(), "kind": kind, **data}
        self.entries.append(entry)
        self._file.write(json.dumps(entry) + "\n")


class Proxy:
    def __init__(self, upstream: str, faults: Faults, log: Log) -> None:
        self.faults, self.log = faults, log
        self._upstream = upstream
        self._session: ClientSession | None = None

    async def session(self, app: web.Application) -> AsyncIterator[None]:
        async with ClientSession(timeout=ClientTimeout(total=60)) as session:
            self._session = session
            yield

    async def serve(self, request: web.Request) -> web.StreamResponse:
        asked = json.loads(await request.read())
        calls = asked if isinstance(asked, list) else [asked]
        methods = [str(call.get("method")) for call in calls]
        self.log.requests += 1
        self.log.calls.update(methods)
        if self.faults.settings["down"]:
            return _hang_up(request)
        fault = self.faults.for_request(methods)
        if fault is not None:
            self.log.add("fault", fault=fault, methods=methods)
        if fault in (None, "timeout_after", "reset_after", "malformed", "empty", "502_after"):
            try:
                answers = await self._answer(calls)
            except (ClientError, TimeoutError):
                return web.Response(status=502, text="the node behind is not there")
        elif fault == "rpc_limit":
            answers = [{"jsonrpc": "2.0", "id": call.get("id"), "error": LIMIT_EXCEEDED} for call in calls]
        else:
            answers = []
        body = json.dumps(answers if isinstance(asked, list) else answers[0]) if answers else ""
        return await self._respond(request, fault, body)

    async def _respond(self, request: web.Request, fault: str | None, body: str) -> web.StreamResponse:
        if fault in ("timeout_before", "timeout_after"):
            await asyncio.sleep(self.faults.settings["timeout_seconds"])
            return _hang_up(request)
        if fault in ("reset_before", "reset_after"):
            return _hang_up(request)
        if fault == "429":
            return web.Response(status=429, headers={"Retry-After": "1"}, text="too many requests")
        if fault in ("503", "502_after"):
            return web.Response(status=int(fault[:3]), text="bad gateway")
        if fault == "malformed":
            body = body[: len(body) // 2]
        return web.Response(text="" if fault == "empty" else body, content_type="application/json")

    async def _answer(self, calls: list[dict[str, Json]]) -> list[dict[str, Json]]:
        """As the node would, on its worse days: one upstream request for all that is passed on."""
        lag = int(self.faults.settings["lag"])
        limit = max(0, await self._head() - lag) if lag else None
        answers: list[dict[str, Json] | None] = [None] * len(calls)
        asked: list[tuple[int, dict[str, Json]]] = []
        told = [self.faults.for_call(str(call.get("method"))) for call in calls]
        for place, call in enumerate(calls):
            params = list(call.get("params", []))
            if call["method"] == "eth_sendRawTransaction":
                swallowed = any(lies.swallows(kind, call["method"]) for kind, _ in told[place])
                tx_hash = lies.transaction_hash(params[0])
                self.log.add("broadcast", raw=params[0], tx_hash=tx_hash, passed_on=not swallowed)
                if swallowed:
                    answers[place] = {"jsonrpc": "2.0", "id": call.get("id"), "result": tx_hash}
                    continue
            if call["method"] == "eth_getBlockByNumber" and params[0] == "finalized":
                params[0] = "latest" if any(kind == "finalized" for kind, _ in told[place]) else params[0]
            if limit is not None:
                seen = lagging.past(call["method"], params, limit)
                params = seen.params
                if seen.is_answered:
                    answers[place] = {"jsonrpc": "2.0", "id": call.get("id"), "result": seen.answer}
                    continue
            asked.append((place, {**call, "params": params}))
        for (place, _), answer in zip(asked, await self._ask([call for _, call in asked]), strict=True):
            answers[place] = {**answer, "id": calls[place].get("id")}
        return [
            await self._bent(call, answer, told[i], limit)
            for i, (call, answer) in enumerate(zip(calls, answers, strict=True))
            if answer
        ]

    async def _bent(
        self, call: dict[str, Json], answer: dict[str, Json], told: list[tuple[str, dict[str, Json]]], limit: int | None
    ) -> dict[str, Json]:
        method, params = call["method"], list(call.get("params", []))
        if "result" not in answer:
            return answer
        result = answer["result"]
        if limit is not None:
            result = lagging.veil(method, result, limit)
        for kind, options in told:
            if kind == "minted" and method == "eth_getLogs":
                options = await self._place_of_invention(params, options, limit)
            bent = lies.bend(kind, method, params, result, options)
            if bent != result:
                self.log.add("lie", lie=kind, method=method)
                result = bent
        return {**answer, "result": result}

    async def _place_of_invention(
        self, params: list[Json], options: dict[str, Json], limit: int | None
    ) -> dict[str, Json]:
        """The last block that was asked for, whose real hash makes an invented log credible."""
        last = params[0].get("toBlock", "latest")
        if limit is not None and (not last.startswith("0x") or int(last, 16) > limit):
            last = hex(limit)
        (answer,) = await self._ask([_call("eth_getBlockByNumber", last, False)])
        block = answer.get("result")
        return {**options, "block_number": block["number"], "block_hash": block["hash"]} if block else options

    async def _head(self) -> int:
        (answer,) = await self._ask([_call("eth_blockNumber")])
        return int(answer["result"], 16)

    async def _ask(self, calls: list[dict[str, Json]]) -> list[dict[str, Json]]:
        """In order. One by one where a node refuses a batch, such as of eth_sendRawTransaction."""
        if not calls:
            return []
        assert self._session is not None
        numbered = [{**call, "jsonrpc": "2.0", "id": number} for number, call in enumerate(calls)]
        async with self._session.post(self._upstream, json=numbered[0] if len(calls) == 1 else numbered) as response:
            answers = await response.json(content_type=None)
        if len(calls) == 1:
            return [answers]
        return sorted(answers, key=lambda answer: int(answer["id"]))


def build(upstream: str, faults: Faults, log: Log) -> web.Application:
    proxy = Proxy(upstream, faults, log)
    app = web.Application()
    app.cleanup_ctx.append(proxy.session)
    app.router.add_post("/", proxy.serve)
    control = _Control(faults, log)
    app.router.add_post("/_sandbox/settings", control.settings)
    app.router.add_post("/_sandbox/scenario", control.scenario)
    app.router.add_post("/_sandbox/reset", control.reset)
    app.router.add_get("/_sandbox/log", control.log)
    app.router.add_get("/_sandbox/stats", control.stats)
    return app


class _Control:
    def __init__(self, faults: Faults, log: Log) -> None:
        self._faults, self._log = faults, log

    async def settings(self, request: web.Request) -> web.Response:
        try:
            self._faults.change(await request.json())
        except (ValueError, AttributeError) as problem:
            return _refused(problem)
        return web.json_response(self._faults.settings)

    async def scenario(self, request: web.Request) -> web.Response:
        try:
            return web.json_response({"id": self._faults.add(await request.json())})
        except (ValueError, AttributeError) as problem:
            return _refused(problem)

    async def reset(self, request: web.Request) -> web.Response:
        self._faults.reset()
        self._log.add("reset")
        return web.json_response({})

    async def log(self, request: web.Request) -> web.Response:
        after, kind = int(request.query.get("after", 0)), request.query.get("kind")
        return web.json_response([entry for entry in self._log.entries[after:] if kind in (None, entry["kind"])])

    async def stats(self, request: web.Request) -> web.Response:
        return web.json_response({"requests": self._log.requests, "calls": dict(self._log.calls)})


def _call(method: str, *params: Json) -> dict[str, Json]:
    return {"method": method, "params": list(params)}


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)


def _refused(problem: Exception) -> web.Response:
    return web.json_response({"error": f"{type(problem).__name__}: {problem}"}, status=400)
