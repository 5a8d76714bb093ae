"""Prices as rows, so that taking an order calls nobody."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_UP, Decimal

from django.db import transaction

from agora.lib import log
from agora.lib.errors import VendorError
from orders.models import Asset, AssetPrice
from orders.prices import get_price_feed
from orders.selectors import asset_symbols, guarded_price

logger = log.get(__name__)
CENT = Decimal("0.01")


def refresh_prices(*, now: datetime) -> int:
    """Ask the feed for every asset's price and keep it; how many there were. The guard notices what is missing."""
    feed = get_price_feed()
    answered = 0
    for symbol in asset_symbols():
        try:
            price = feed.latest(symbol)
        except VendorError as trouble:
            logger.warning("no price", symbol=symbol, kind=type(trouble).__name__, detail=trouble.detail)
            continue
        record_price(symbol=symbol, price_usd=price.price_usd, at=price.at, source=feed.name, now=now)
        answered += 1
    return answered


@transaction.atomic
def record_price(*, symbol: str, price_usd: Decimal, at: datetime, source: str = "", now: datetime) -> None:
    """Keep a price made `at` and heard of `now`, unless a later one is kept."""
    asset = Asset.objects.get(symbol=symbol)
    row = AssetPrice.objects.select_for_update().filter(asset=asset).first()
    if row is None:
        row = AssetPrice(asset=asset, price_usd=price_usd, at=at)
    elif at >= row.at:
        row.price_usd, row.at = price_usd, at
    row.checked_at, row.source = now, source
    row.save()


def estimate_usd(*, asset: Asset, quantity: Decimal, now: datetime) -> Decimal:
    """What a quantity costs about, in whole cents, rounded up on purpose. Raises PriceUnavailable."""
    return (guarded_price(asset=asset, now=now) * quantity).quantize(CENT, rounding=ROUND_UP)
