"""Alpaca's error answers. Bodies as met at the paper API by others and written down in public, or as documented.

401  {"message": "unauthorized."}                                   no code
403  {"code": 40310000, "message": "insufficient buying power", "buying_power": …, "cost_basis": …}
404  {"code": 40410000, "message": "order not found for …"}, "position does not exist"
422  {"code": 40010001, …} a field is wrong; {"code": 42210000, …} the order is
429  {"code": 42910000, "message": "rate limit exceeded"}           200 requests a minute a key, X-RateLimit-*
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from orders.sandbox import wire


class Refusal(Exception):
    """A request that is answered with an error and changes nothing."""

    def __init__(
        self, status: int, code: int | None, message: str, headers: dict[str, str] | None = None, **fields: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = {**({} if code is None else {"code": code}), "message": message, **fields}

    def response(self) -> web.Response:
        return web.json_response(self.body, status=self.status, headers=self.headers, dumps=wire.dumps)


def unauthorized() -> Refusal:
    return Refusal(401, None, "unauthorized.")


def field_wrong(message: str) -> Refusal:
    return Refusal(422, 40010001, message)


def order_wrong(message: str) -> Refusal:
    return Refusal(422, 42210000, message)


def duplicate(*, still_open: bool) -> Refusal:
    """The code depends on the older order: 42210000 while it is open, 40010001 once it is not (seen at paper, 2026)."""
    return Refusal(422, 42210000 if still_open else 40010001, "client_order_id must be unique")


def buying_power(*, available: str, cost: str) -> Refusal:
    return Refusal(403, 40310000, "insufficient buying power", buying_power=available, cost_basis=cost)


def shares(*, symbol: str, requested: str, available: str) -> Refusal:
    words = f"insufficient qty available for order (requested: {requested}, available: {available})"
    return Refusal(
        403, 40310000, words, available=available, existing_qty=available, held_for_orders="0", symbol=symbol
    )


def too_small(minimum: str) -> Refusal:
    return Refusal(403, 40310000, f"cost basis must be >= minimal amount of order {minimum}")


def order_not_found(name: str) -> Refusal:
    return Refusal(404, 40410000, f"order not found for {name}")


def position_not_found() -> Refusal:
    return Refusal(404, 40410000, "position does not exist")


def asset_not_found(symbol: str) -> Refusal:
    return Refusal(404, 40410000, f"asset not found for {symbol}")


def rate_limited(*, limit: int, reset_at: int) -> Refusal:
    headers = {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset_at)}
    return Refusal(429, 42910000, "rate limit exceeded", headers)
