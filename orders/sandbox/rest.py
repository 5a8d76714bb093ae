"""The Trading API's orders, assets, positions, account and clock, and the data API's latest trades and quotes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from aiohttp import web

from orders.sandbox import listing, market, refusals, wire
from orders.sandbox.engine import Engine
from orders.sandbox.runner import Runner
from orders.sandbox.scenarios import Plan

PLAN = web.RequestKey("plan", Plan)
WIDEST = 18  # digits before or after the point of a quantity: what is wider is none
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    def __init__(self, engine: Engine, runner: Runner) -> None:
        self._engine, self._runner, self._store = engine, runner, engine.store

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v2/orders", self.submit),
            web.get("/v2/orders", self.list_orders),
            web.get("/v2/orders:by_client_order_id", self.find_order),
            web.get("/v2/orders/{order_id}", self.get_order),
            web.delete("/v2/orders/{order_id}", self.cancel_order),
            web.get("/v2/account", self.account),
            web.get("/v2/account/activities", self.activities),
            web.get("/v2/account/activities/{activity_type}", self.activities),
            web.get("/v2/positions", self.positions),
            web.get("/v2/positions/{symbol}", self.position),
            web.get("/v2/assets", self.assets),
            web.get("/v2/assets/{symbol}", self.asset),
            web.get("/v2/clock", self.clock),
            web.get("/v1/corporate-actions", self.corporate_actions),
            web.get("/v2/stocks/trades/latest", self.latest_trades),
            web.get("/v2/stocks/{symbol}/trades/latest", self.latest_trade),
            web.get("/v2/stocks/quotes/latest", self.latest_quotes),
            web.get("/v2/stocks/{symbol}/quotes/latest", self.latest_quote),
        ]

    async def submit(self, request: web.Request) -> web.Response:
        """https://docs.alpaca.markets/reference/postorder"""
        body = await json_body(request)
        if not isinstance(body, dict):
            raise refusals.field_wrong("request body format is invalid")
        asset, qty, side = self._checked(body)
        client_order_id = body.get("client_order_id")
        if client_order_id is None or client_order_id == "":
            client_order_id = str(uuid.uuid4())
        if not isinstance(client_order_id, str):
            raise refusals.field_wrong("client_order_id must be a string")
        self._check_id(client_order_id)
        self._check_means(asset["symbol"], qty, side)
        plan = request[PLAN]
        order = self._engine.create(
            client_order_id=client_order_id,
            asset=asset,
            qty=qty,
            side=side,
            script=plan.script,
            stream_fault=plan.stream_fault,
        )
        self._runner.start(order["id"])
        return reply(order)

    async def list_orders(self, request: web.Request) -> web.Response:
        return reply(listing.orders(self._store, dict(request.query)))

    async def find_order(self, request: web.Request) -> web.Response:
        client_order_id = request.query.get("client_order_id", "")
        order = self._store.order_by_client_order_id(client_order_id)
        if order is None:
            raise refusals.order_not_found(client_order_id)
        return reply(order)

    async def get_order(self, request: web.Request) -> web.Response:
        return reply(self._order(request))

    async def cancel_order(self, request: web.Request) -> web.Response:
        self._runner.cancel(self._order(request)["id"])
        return web.Response(status=204)

    async def account(self, request: web.Request) -> web.Response:
        power = self._engine.buying_power()
        return reply(wire.account(cash=power, buying_power=power, held=self._store.invested()))

    async def activities(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        types = request.match_info.get("activity_type") or query.get("activity_types", "FILL")
        if "FILL" not in types.split(","):
            return reply([])
        return reply(listing.fills(self._store, query, corrections=self._engine.settings["corrections_in_activities"]))

    async def positions(self, request: web.Request) -> web.Response:
        rows = self._store.query("SELECT symbol FROM positions ORDER BY symbol")
        return reply([found for row in rows if (found := self._position(row["symbol"])) is not None])

    async def position(self, request: web.Request) -> web.Response:
        found = self._position(request.match_info["symbol"])
        if found is None:
            raise refusals.position_not_found()
        return reply(found)

    async def assets(self, request: web.Request) -> web.Response:
        return reply(market.assets())

    async def asset(self, request: web.Request) -> web.Response:
        asset = market.asset(request.match_info["symbol"])
        if asset is None:
            raise refusals.asset_not_found(request.match_info["symbol"])
        return reply(asset)

    async def clock(self, request: web.Request) -> web.Response:
        return reply(wire.clock(is_open=self._engine.settings["market_open"]))

    async def corporate_actions(self, request: web.Request) -> web.Response:
        """https://docs.alpaca.markets/reference/corporateactions-1: what was set, of the symbols asked for."""
        symbols = set(filter(None, request.query.get("symbols", "").split(",")))
        kinds = {
            kind: [item for item in items if not symbols or listing.is_about(item, symbols)]
            for kind, items in self._engine.settings["corporate_actions"].items()
        }
        found = {kind: items for kind, items in kinds.items() if items}
        return reply({"corporate_actions": found, "next_page_token": None})

    # The data API's numbers are JSON numbers: https://docs.alpaca.markets/reference/stocklatesttrades-1
    async def latest_trades(self, request: web.Request) -> web.Response:
        return reply({"trades": {symbol: self._trade(symbol) for symbol in _symbols(request)}})

    async def latest_trade(self, request: web.Request) -> web.Response:
        symbol = _listed(request.match_info["symbol"])
        return reply({"symbol": symbol, "trade": self._trade(symbol)})

    async def latest_quotes(self, request: web.Request) -> web.Response:
        return reply({"quotes": {symbol: self._quote(symbol) for symbol in _symbols(request)}})

    async def latest_quote(self, request: web.Request) -> web.Response:
        symbol = _listed(request.match_info["symbol"])
        return reply({"symbol": symbol, "quote": self._quote(symbol)})

    def _checked(self, body: dict[str, Any]) -> tuple[dict[str, Any], Decimal, str]:
        """Asset, quantity and side of an order, or the refusal that Alpaca gives for the first wrong one."""
        symbol, side = body.get("symbol"), body.get("side")
        if not symbol:
            raise refusals.field_wrong("symbol is required")
        asset = market.asset(str(symbol))
        if asset is None:
            raise refusals.order_wrong(f'asset "{symbol}" not found')
        qty = quantity_of(body)
        if qty is not None and body.get("notional") is not None:
            raise refusals.field_wrong("only one of qty or notional is accepted")
        if qty is None:  # Alpaca takes a notional alone; here orders are by quantity only, as ours are
            raise refusals.field_wrong("qty is required")
        if not qty.is_finite() or qty <= 0:
            raise refusals.field_wrong("qty must be > 0")
        if qty != round(qty, 9):
            raise refusals.field_wrong("qty must have at most 9 decimal places")
        if side not in ("buy", "sell"):
            raise refusals.field_wrong("invalid side")
        if body.get("type") != "market":
            raise refusals.field_wrong("this sandbox knows market orders only")
        if body.get("time_in_force") != "day":
            raise refusals.order_wrong("fractional orders must be DAY orders")
        return asset, qty, side

    def _check_id(self, client_order_id: str) -> None:
        if len(client_order_id) > 128:
            raise refusals.field_wrong("client_order_id must be no more than 128 characters")
        older = self._store.order_by_client_order_id(client_order_id)
        if older is not None:
            raise refusals.duplicate(still_open=older["status"] in wire.OPEN_STATUSES)

    def _check_means(self, symbol: str, qty: Decimal, side: str) -> None:
        cost = qty * self._engine.price(symbol)
        if cost < Decimal(self._engine.settings["minimum_cost"]):
            raise refusals.too_small(self._engine.settings["minimum_cost"])
        power, held = self._engine.buying_power(), self._store.position(symbol)[0]
        if side == "buy" and cost > power:
            raise refusals.buying_power(available=wire.number(power), cost=wire.number(cost))
        if side == "sell" and qty > held:
            raise refusals.shares(symbol=symbol, requested=wire.number(qty), available=wire.number(held))

    def _order(self, request: web.Request) -> dict[str, Any]:
        order = self._store.order(request.match_info["order_id"])
        if order is None:
            raise refusals.order_not_found(request.match_info["order_id"])
        return order

    def _position(self, symbol: str) -> dict[str, Any] | None:
        """By symbol or by the asset's id."""
        asset = market.asset(symbol)
        qty, cost = (Decimal(0), Decimal(0)) if asset is None else self._store.position(asset["symbol"])
        if asset is None or not qty:
            return None
        return wire.position(asset=asset, qty=qty, cost=cost, price=self._engine.price(asset["symbol"]))

    def _trade(self, symbol: str) -> dict[str, Any]:
        price = float(self._engine.price(symbol))
        return {"t": self._engine.traded_at(), "x": "V", "p": price, "s": 100, "c": ["@"], "i": 1, "z": "C"}

    def _quote(self, symbol: str) -> dict[str, Any]:
        price = self._engine.price(symbol)
        bid, ask = float(price - Decimal("0.01")), float(price + Decimal("0.01"))
        told = {"t": self._engine.traded_at(), "c": ["R"], "z": "C"}
        return {**told, "ax": "V", "ap": ask, "as": 1, "bx": "V", "bp": bid, "bs": 1}


def reply(value: Any) -> web.Response:
    return web.json_response(value, dumps=wire.dumps)


async def json_body(request: web.Request) -> Any:
    """The body, fractions as Decimal; None where it is not JSON."""
    try:
        return json.loads(await request.read(), parse_float=Decimal)
    except (ValueError, RecursionError):
        return None


def quantity_of(body: dict[str, Any]) -> Decimal | None:
    """`qty` may come as text or as a number. None where there is none; NaN where it is neither."""
    value = body.get("qty")
    if value is None:
        return None
    try:
        quantity = Decimal("NaN" if isinstance(value, bool) else str(value))
    except InvalidOperation:
        return Decimal("NaN")
    return quantity if quantity.is_finite() and -WIDEST < quantity.adjusted() < WIDEST else Decimal("NaN")


def _listed(symbol: str) -> str:
    if symbol not in market.LISTED:
        raise refusals.Refusal(400, None, f"invalid symbol: {symbol}")
    return symbol


def _symbols(request: web.Request) -> list[str]:
    return [_listed(symbol) for symbol in request.query.get("symbols", "").split(",")]
