"""What is offered of an asset at this moment, read in one statement: every order asks."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from agora.lib import prepared
from orders.market.quoting import Quote, quote_of
from orders.market.sessions import session_of
from orders.models import Asset, AssetPrice, MarketClock


@dataclass(frozen=True, slots=True)
class Offer:
    asset: Asset
    quote: Quote


def offer_of(*, symbol: str, now: datetime) -> Offer | None:
    """An asset and its price; None: there is no such asset."""
    found = prepared.fetch(_offer(), {"symbol": symbol})
    if not found:
        return None
    values = found[0]
    models = []
    for model in (Asset, AssetPrice, MarketClock):
        width = len(model._meta.concrete_fields)
        row, values = values[:width], values[width:]
        models.append(None if row[0] is None else prepared.from_row(model, row))
    asset, price, clock = models
    assert asset is not None
    return Offer(asset, quote_of(price, symbol=symbol, session=session_of(clock, now=now), now=now))


@functools.cache
def _offer() -> LiteralString:
    """An asset by its symbol, with the price that we believe and the market's hours as they were said last."""
    return f"""
        SELECT {prepared.columns(Asset, "asset")}, {prepared.columns(AssetPrice, "price")},
               {prepared.columns(MarketClock, "clock")}
        FROM orders_asset asset
        LEFT JOIN orders_assetprice price ON price.asset_id = asset.id
        LEFT JOIN (SELECT * FROM orders_marketclock ORDER BY checked_at DESC LIMIT 1) clock ON true
        WHERE asset.symbol = %(symbol)s"""  # noqa: S608 - names of our columns
