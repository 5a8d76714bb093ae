"""The control plane: not Fireblocks, no authentication, and only ever on the loopback interface.

POST   /_sandbox/scenario                      see scenarios.py; answers {"id": …}
DELETE /_sandbox/scenarios                     forget them all
POST   /_sandbox/transactions/{id}/release     let a held transaction go on; Fireblocks' id or the external one
POST   /_sandbox/credit                        {"vault": name or id, "asset": …, "amount": "1.5"}: a delivery
POST   /_sandbox/settings                      see store.DEFAULT_SETTINGS; answers all of them
POST   /_sandbox/reset                         empties accounts, transactions and scenarios
GET    /_sandbox/log?after=ID&kind=…           what was asked and what happened, oldest first
POST   /_sandbox/webhooks/rotate               a new signing key for webhooks
POST   /_sandbox/webhooks/sign                 the signature header for this raw body
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from aiohttp import web

from custody.sandbox import scenarios, transactions, vaults, webhooks
from custody.sandbox.routes import RUNNER, STORE, json_body
from custody.sandbox.wire import ApiError

routes = web.RouteTableDef()


@routes.post("/_sandbox/scenario")
async def add_scenario(request: web.Request) -> web.Response:
    try:
        scenario_id = scenarios.add(request.app[STORE], json.loads(await request.read()))
    except (ValueError, AttributeError) as exc:
        return _refused(exc)
    return web.json_response({"id": scenario_id})


@routes.delete("/_sandbox/scenarios")
async def clear_scenarios(request: web.Request) -> web.Response:
    request.app[STORE].run("DELETE FROM scenarios")
    return web.json_response({})


@routes.post("/_sandbox/transactions/{key}/release")
async def release(request: web.Request) -> web.Response:
    try:
        transactions.release(request.app[STORE], request.match_info["key"])
    except ApiError as exc:
        return exc.response()
    request.app[RUNNER].wake()
    return web.json_response({})


@routes.post("/_sandbox/credit")
async def credit(request: web.Request) -> web.Response:
    store, body = request.app[STORE], await json_body(request)
    try:
        account = vaults.account_named(store, str(body["vault"]))
        with store.atomic():
            vaults.add(store, account["id"], body["asset"], Decimal(str(body["amount"])))
            store.log("credited", vault_id=str(account["id"]), asset_id=body["asset"], amount=str(body["amount"]))
        return web.json_response(vaults.render_wallet(store, vaults.wallet(store, account["id"], body["asset"])))
    except ApiError as exc:
        return exc.response()
    except (KeyError, InvalidOperation) as exc:
        return _refused(exc)


@routes.post("/_sandbox/settings")
async def change_settings(request: web.Request) -> web.Response:
    try:
        request.app[STORE].change_settings(json.loads(await request.read() or b"{}"))
    except (ValueError, AttributeError) as exc:
        return _refused(exc)
    return web.json_response(request.app[STORE].settings)


@routes.post("/_sandbox/reset")
async def reset(request: web.Request) -> web.Response:
    request.app[STORE].reset()
    return web.json_response({})


@routes.get("/_sandbox/log")
async def read_log(request: web.Request) -> web.Response:
    after, kind = request.query.get("after", "0"), request.query.get("kind")
    rows = request.app[STORE].all(
        "SELECT * FROM log WHERE id > CAST(? AS INTEGER) AND (? IS NULL OR kind = ?) ORDER BY id", after, kind, kind
    )
    entries: list[dict[str, Any]] = [
        {"id": row["id"], "at": row["at"], "kind": row["kind"]} | json.loads(row["data"]) for row in rows
    ]
    return web.json_response(entries)


@routes.post("/_sandbox/webhooks/rotate")
async def rotate_webhook_key(request: web.Request) -> web.Response:
    return web.json_response({"kid": webhooks.rotate_key(request.app[STORE])})


@routes.post("/_sandbox/webhooks/sign")
async def sign_webhook(request: web.Request) -> web.Response:
    return web.json_response({"signature": webhooks.sign(request.app[STORE], await request.read())})


def _refused(exc: Exception) -> web.Response:
    return web.json_response({"error": f"{type(exc).__name__}: {exc}"}, status=400)
