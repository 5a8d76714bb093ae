"""The control plane: not Sumsub, no authentication, and only ever on the loopback interface.

POST /_sandbox/scenario   {"endpoint": "POST /resources/applicants", "times": 1, "http": {"fault": "status",
                          "status": 500} | {"fault": "drop"} | {"fault": "malformed"}}; "when": "before" or "after"
POST /_sandbox/review     {"external_user_id": …, "result": {"reviewAnswer": "RED", "reviewRejectType": "FINAL", …}}
POST /_sandbox/settings   see store.DEFAULT_SETTINGS; answers all of them
POST /_sandbox/reset      empties applicants, webhooks and scenarios
GET  /_sandbox/log?after=ID&kind=…   what was asked and what happened, oldest first
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from accounts.sandbox import applicants
from accounts.sandbox.applicants import ApiError
from accounts.sandbox.keys import STORE
from accounts.sandbox.store import Store

FAULTS = {"status", "malformed", "drop"}

routes = web.RouteTableDef()


@routes.post("/_sandbox/scenario")
async def add_scenario(request: web.Request) -> web.Response:
    scenario = await request.json()
    if scenario.keys() - {"endpoint", "http", "times"} or scenario.get("http", {}).get("fault") not in FAULTS:
        return web.json_response({"error": f"not a scenario: {scenario}"}, status=400)
    sql = "INSERT INTO scenarios (body, remaining) VALUES (?, ?)"
    request.app[STORE].run(sql, json.dumps(scenario), scenario.get("times", 1))
    return web.json_response({})


@routes.post("/_sandbox/review")
async def review(request: web.Request) -> web.Response:
    body, store = await request.json(), request.app[STORE]
    try:
        row = applicants.by_key(store, f"-;externalUserId={body['external_user_id']}")
        applicants.complete(store, row["id"], body["result"])
    except ApiError as problem:
        return web.json_response(problem.body, status=problem.status)
    return web.json_response({})


@routes.post("/_sandbox/settings")
async def change_settings(request: web.Request) -> web.Response:
    try:
        request.app[STORE].change_settings(await request.json())
    except ValueError as problem:
        return web.json_response({"error": str(problem)}, status=400)
    return web.json_response(request.app[STORE].settings)


@routes.post("/_sandbox/reset")
async def reset(request: web.Request) -> web.Response:
    request.app[STORE].reset()
    return web.json_response({})


@routes.get("/_sandbox/log")
async def read_log(request: web.Request) -> web.Response:
    after, kind = request.query.get("after", "0"), request.query.get("kind")
    sql = "SELECT * FROM log WHERE id > CAST(? AS INTEGER) AND (? IS NULL OR kind = ?) ORDER BY id"
    rows = request.app[STORE].all(sql, after, kind, kind)
    return web.json_response([{"id": r["id"], "at": r["at"], "kind": r["kind"], **json.loads(r["data"])} for r in rows])


def claim(store: Store, endpoint: str) -> dict[str, Any] | None:
    """The fault ordered for this request, and one use of it less."""
    for row in store.all("SELECT * FROM scenarios WHERE remaining > 0 ORDER BY id"):
        scenario = json.loads(row["body"])
        if endpoint.startswith(scenario.get("endpoint", "")):
            store.run("UPDATE scenarios SET remaining = remaining - 1 WHERE id = ?", row["id"])
            return dict(scenario["http"])
    return None
