"""The API under /v1/, as both SDK generations call it, and the JWKS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from custody.sandbox import transactions, vaults, webhooks, wire
from custody.sandbox.lifecycle import Runner
from custody.sandbox.rendering import render
from custody.sandbox.store import Store
from custody.sandbox.wire import ApiError

STORE = web.AppKey("store", Store)
RUNNER = web.AppKey("runner", Runner)
MAY_SIGN = "may_sign"  # of a request: whether the policy lets this API user sign RAW
LONGEST_LIST = 500
FILTERS = {
    "status": "status = ?",
    "assets": "asset_id = ?",
    "sourceId": "source_id = CAST(? AS INTEGER)",
    "destId": "destination_id = CAST(? AS INTEGER)",
    "txHash": "tx_hash = ?",
    "before": "created_at < CAST(? AS INTEGER)",
    "after": "created_at > CAST(? AS INTEGER)",
}

routes = web.RouteTableDef()


@routes.get("/.well-known/jwks.json")
async def get_jwks(request: web.Request) -> web.Response:
    headers = {"Cache-Control": "public, max-age=3600, s-maxage=3600"}
    return web.json_response(webhooks.jwks(request.app[STORE]), headers=headers)


@routes.get("/v1/vault/accounts_paged")
async def list_accounts(request: web.Request) -> web.Response:
    return web.json_response(vaults.page(request.app[STORE], dict(request.query)))


@routes.post("/v1/vault/accounts")
async def create_account(request: web.Request) -> web.Response:
    return web.json_response(vaults.create_account(request.app[STORE], await json_body(request)))


@routes.get("/v1/vault/accounts/{vault_id}")
async def get_account(request: web.Request) -> web.Response:
    store = request.app[STORE]
    return web.json_response(vaults.render_account(store, vaults.account(store, request.match_info["vault_id"])))


@routes.post("/v1/vault/accounts/{vault_id}/{asset_id}")
async def create_wallet(request: web.Request) -> web.Response:
    return web.json_response(vaults.create_wallet(request.app[STORE], *_wallet(request)))


@routes.get("/v1/vault/accounts/{vault_id}/{asset_id}")
async def get_wallet(request: web.Request) -> web.Response:
    store = request.app[STORE]
    return web.json_response(vaults.render_wallet(store, vaults.wallet(store, *_wallet(request))))


@routes.get("/v1/vault/accounts/{vault_id}/{asset_id}/addresses")
async def list_addresses(request: web.Request) -> web.Response:
    return web.json_response(vaults.addresses(request.app[STORE], *_wallet(request)))


@routes.get("/v1/vault/accounts/{vault_id}/{asset_id}/addresses_paginated")
async def list_addresses_paginated(request: web.Request) -> web.Response:
    return web.json_response({"addresses": vaults.addresses(request.app[STORE], *_wallet(request)), "paging": {}})


@routes.post("/v1/transactions")
async def create_transaction(request: web.Request) -> web.Response:
    answer = transactions.create(request.app[STORE], await json_body(request), may_sign=request[MAY_SIGN])
    request.app[RUNNER].wake()
    return web.json_response(answer)


@routes.get("/v1/transactions")
async def list_transactions(request: web.Request) -> web.Response:
    store, query = request.app[STORE], request.query
    limit = query.get("limit", "200")
    if not limit.isdecimal() or not 1 <= int(limit) <= LONGEST_LIST:
        raise ApiError(400, wire.UNLISTED, f"limit is 1 to {LONGEST_LIST}")
    order = "last_updated" if query.get("orderBy") == "lastUpdated" else "created_at"
    direction = "ASC" if query.get("sort") == "ASC" else "DESC"
    chosen = {name: clause for name, clause in FILTERS.items() if name in query}
    where = " AND ".join(chosen.values()) or "1"
    sql = f"SELECT * FROM transactions WHERE {where} ORDER BY {order} {direction} LIMIT ?"  # noqa: S608  constants
    rows = store.all(sql, *(query[name] for name in chosen), int(limit))
    return web.json_response([render(store, row) for row in rows])


@routes.get("/v1/transactions/external_tx_id/{external_tx_id}")
async def get_by_external_id(request: web.Request) -> web.Response:
    store = request.app[STORE]
    row = transactions.get_by_external_id(store, request.match_info["external_tx_id"])
    return web.json_response(render(store, row))


@routes.get("/v1/transactions/{transaction_id}")
async def get_transaction(request: web.Request) -> web.Response:
    store = request.app[STORE]
    return web.json_response(render(store, transactions.get(store, request.match_info["transaction_id"])))


@routes.post("/v1/transactions/{transaction_id}/cancel")
async def cancel_transaction(request: web.Request) -> web.Response:
    transactions.cancel(request.app[STORE], request.match_info["transaction_id"])
    request.app[RUNNER].wake()
    return web.json_response({"success": True})


def _wallet(request: web.Request) -> tuple[str, str]:
    return request.match_info["vault_id"], request.match_info["asset_id"]


async def json_body(request: web.Request) -> dict[str, Any]:
    body = await request.read()
    try:
        parsed = json.loads(body or b"{}", parse_float=str)
    except ValueError as exc:
        raise ApiError(400, wire.UNLISTED, "The request body is not JSON") from exc
    if not isinstance(parsed, Mapping):
        raise ApiError(400, wire.UNLISTED, "The request body is not an object")
    return dict(parsed)
