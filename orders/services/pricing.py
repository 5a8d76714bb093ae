"""Prices as rows, so that taking an order calls nobody. One loop writes them, on one machine at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from agora.lib import log
from agora.lib.errors import Unavailable, VendorError
from orders.market import market_session
from orders.models import Asset, AssetPrice, PricePoint
from orders.prices import get_price_feeds
from orders.prices.base import PriceFeed, sound
from orders.selectors import asset_symbols
from orders.services.feeds import record_answer, record_failure

logger = log.get(__name__)
HISTORY = timedelta(days=31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a source says."""

    price_usd: Decimal
    at: datetime
    source: str


def refresh_prices(*, now: datetime) -> int:
    """Ask for every asset's price and keep it; for how many one is believed. `orders.market.quote` judges the rest."""
    session = market_session(now=now)
    return sum(_refresh(symbol, is_open=session.is_known and session.is_open, now=now) for symbol in asset_symbols())


@transaction.atomic
def record_price(*, symbol: str, price_usd: Decimal, at: datetime, source: str = "", now: datetime) -> None:
    """Believe a price made `at` and heard of `now`, unless a later one is kept."""
    _keep(symbol, _locked(symbol), Reading(price_usd=price_usd, at=at, source=source), now)


@transaction.atomic
def weigh_reading(*, symbol: str, reading: Reading, is_witnessed: bool, now: datetime) -> bool:
    """Believe a reading, or keep it as suspect; whether it is believed.

    More than PRICE_JUMP away from what we believe it needs a witness: another source that agrees (`is_witnessed`), or
    a later reading that agrees with the suspect one. The same trade told again is no second reading.
    """
    row = _locked(symbol)
    if row is not None and reading.at >= row.at and _jumps(row, reading):
        if not (is_witnessed or _confirms(row, reading)):
            _suspect(row, reading, symbol)
            return False
        logger.warning("price jumped, and was confirmed", symbol=symbol, was=str(row.price_usd), now=str(reading))
    _keep(symbol, row, reading, now)
    return True


def _refresh(symbol: str, *, is_open: bool, now: datetime) -> bool:
    """Ask sources in turn until one has a price that is not old, and the others too if it jumped."""
    rest = _readings(symbol, is_open=is_open, now=now)
    heard: list[Reading] = []
    for reading in rest:
        heard.append(reading)
        if not is_open or now - reading.at <= timedelta(seconds=settings.PRICE_FRESH):
            break
    if not heard:
        return False
    newest = max(heard, key=lambda one: one.at)
    row = AssetPrice.objects.filter(asset__symbol=symbol).first()
    if row is not None and newest.at >= row.at and _jumps(row, newest):
        heard.extend(rest)
    others = (one for one in heard if one.source != newest.source)
    is_witnessed = any(_agree(one.price_usd, newest.price_usd) for one in others)
    return weigh_reading(symbol=symbol, reading=newest, is_witnessed=is_witnessed, now=now)


def _readings(symbol: str, *, is_open: bool, now: datetime) -> Iterator[Reading]:
    """What the sources say, each asked only when its turn comes; a failure is kept, and the next one asked."""
    for feed in get_price_feeds():
        name = f"price:{symbol}:{feed.name}"
        try:
            reading = _ask(feed, symbol, is_open=is_open, now=now)
        except VendorError as trouble:
            record_failure(feed=name, trouble=trouble, now=now)
            continue
        record_answer(feed=name, now=now)
        yield reading


def _ask(feed: PriceFeed, symbol: str, *, is_open: bool, now: datetime) -> Reading:
    price = sound(feed.latest(symbol), now=now)
    if is_open and now - price.at > timedelta(seconds=settings.PRICE_MAX_UNTRADED):
        raise Unavailable(f"the price is of {price.at:%Y-%m-%d %H:%M:%S} UTC, and the market is open")
    return Reading(price_usd=price.price_usd, at=price.at, source=feed.name)


def _locked(symbol: str) -> AssetPrice | None:
    return AssetPrice.objects.select_for_update().filter(asset__symbol=symbol).first()


def _keep(symbol: str, before: AssetPrice | None, reading: Reading, now: datetime) -> None:
    row = before or AssetPrice(asset=Asset.objects.get(symbol=symbol), at=reading.at)
    if reading.at >= row.at:
        if before is None or _hour(reading.at) != _hour(row.at):
            _keep_point(row, reading)
        row.price_usd, row.at, row.source = reading.price_usd, reading.at, reading.source
        row.suspect_price_usd, row.suspect_at, row.suspect_source = None, None, ""
    row.checked_at = now
    row.save()


def _keep_point(row: AssetPrice, reading: Reading) -> None:
    point = PricePoint(asset_id=row.asset_id, hour=_hour(reading.at), price_usd=reading.price_usd)
    PricePoint.objects.bulk_create([point], ignore_conflicts=True)
    PricePoint.objects.filter(asset_id=row.asset_id, hour__lt=reading.at - HISTORY).delete()


def _suspect(row: AssetPrice, reading: Reading, symbol: str) -> None:
    """Checked it is not: what we believe gets older meanwhile."""
    if row.suspect_at is not None and reading.at <= row.suspect_at:
        return
    logger.warning("price jumped: buying pauses", symbol=symbol, was=str(row.price_usd), now=str(reading))
    row.suspect_price_usd, row.suspect_at, row.suspect_source = reading.price_usd, reading.at, reading.source
    row.save()


def _jumps(row: AssetPrice, reading: Reading) -> bool:
    return abs(reading.price_usd - row.price_usd) > settings.PRICE_JUMP * row.price_usd


def _confirms(row: AssetPrice, reading: Reading) -> bool:
    if row.suspect_price_usd is None or row.suspect_at is None:
        return False
    return reading.at > row.suspect_at and _agree(reading.price_usd, row.suspect_price_usd)


def _agree(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= settings.PRICE_GUARD_BAND * max(one, other)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
