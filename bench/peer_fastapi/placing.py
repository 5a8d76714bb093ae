"""Placing an order with the ORM: the checks and rows of `orders.services.place_order`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import pickle
import uuid
from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sha3
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from .tables import (
    Asset,
    AssetPrice,
    Customer,
    Hold,
    LimitDay,
    LimitUse,
    MarketClock,
    Order,
    OrderEvent,
    PublicEvent,
    QueuedTask,
    Tier,
    Wallet,
)

CENT = Decimal("0.01")
ZONES = {"BR": ZoneInfo("America/Sao_Paulo"), "PY": ZoneInfo("America/Asuncion")}
MESSAGE = "We have your order and are about to send it to the broker."
SECRET = os.environ.get("SECRET_KEY", "peer").encode()
PRICE_MAX_AGE = timedelta(seconds=float(os.environ.get("PRICE_MAX_AGE", "60")))


class Refused(Exception):
    def __init__(self, code: str) -> None:
        self.code = code


async def place(
    session: AsyncSession, customer_id: uuid.UUID, asked: dict[str, Any], now: datetime
) -> tuple[Order, Asset, str]:
    customer = await session.get_one(Customer, customer_id)
    asset = await session.scalar(select(Asset).where(Asset.symbol == asked["asset"]))
    same = (Order.customer_id == customer.id, Order.client_order_id == asked["client_order_id"])
    if await session.scalar(select(Order).where(*same)) is not None:
        raise Refused("client_order_id_reused")
    reserved = await _check(session, customer, asset, asked, now)
    assert asset is not None
    order = _order(customer, asset, asked, now)
    session.add(order)
    await _reserve(session, customer, order, reserved, now)
    await session.flush()  # no relationship orders these: the order's row goes first
    session.add_all([_event(order, now), _public(order, asset, now), _task(order)])
    await session.flush()
    await session.execute(select(func.pg_notify("agora_q", "agora")))
    return order, asset, MESSAGE


async def _check(
    session: AsyncSession, customer: Customer, asset: Asset | None, asked: dict[str, Any], now: datetime
) -> Decimal:
    """What it would take of the customer's limit, in US$."""
    address = asked["recipient_wallet"]
    if checksummed(address) != address:
        raise Refused("wallet_checksum_invalid")
    if not await session.scalar(select(Wallet.id).where(Wallet.customer_id == customer.id, Wallet.address == address)):
        raise Refused("wallet_not_registered")
    if asset is None:
        raise Refused("unknown_asset")
    if not asset.is_tradable or not asset.min_quantity <= asked["quantity"] <= asset.max_quantity:
        raise Refused("asset_not_tradable")
    if customer.status != "APPROVED":
        raise Refused("kyc_not_approved")
    subjects = [f"customer:{customer.id}", f"asset:{asset.symbol}", "buying", f"buying:{asset.symbol}", "everything"]
    held = select(Hold).where(Hold.subject.in_(subjects), Hold.released_at.is_(None))
    if (await session.scalars(held.where(or_(Hold.until.is_(None), Hold.until > now)))).first():
        raise Refused("on_hold")
    price = await session.scalar(select(AssetPrice).where(AssetPrice.asset_id == asset.id))
    clock = await session.scalar(select(MarketClock).order_by(MarketClock.checked_at.desc()))
    if price is None or price.suspect_price_usd is not None or now - price.checked_at > PRICE_MAX_AGE:
        raise Refused("price_unavailable")
    margin = Decimal(0) if clock is not None and clock.is_open else Decimal("0.02")
    return (price.price_usd * asked["quantity"] * (1 + margin)).quantize(CENT, rounding=ROUND_UP)


async def _reserve(session: AsyncSession, customer: Customer, order: Order, amount_usd: Decimal, now: datetime) -> None:
    tier = await session.scalar(select(Tier).where(Tier.country == customer.country, Tier.level == customer.tier_level))
    if tier is None:
        raise Refused("no_tier")
    if order.quantity < tier.min_quantity:
        raise Refused("below_lot_minimum")
    today = now.astimezone(ZONES[customer.country]).date()
    day = await session.scalar(select(LimitDay).where(LimitDay.customer_id == customer.id, LimitDay.day == today))
    ever = await session.scalar(select(func.sum(LimitDay.used_usd)).where(LimitDay.customer_id == customer.id))
    if amount_usd > tier.daily_limit_usd - (day.used_usd if day else 0):
        raise Refused("daily_limit_reached")
    if tier.portfolio_cap_usd is not None and (ever or 0) + amount_usd > tier.portfolio_cap_usd:
        raise Refused("portfolio_cap_reached")
    if day is None:
        session.add(LimitDay(customer_id=customer.id, day=today, used_usd=amount_usd, limit_usd=tier.daily_limit_usd))
    else:
        day.used_usd += amount_usd
        day.limit_usd = tier.daily_limit_usd
    session.add(
        LimitUse(customer_id=customer.id, order_id=order.id, kind="RESERVE", day=today, amount_usd=amount_usd, at=now)
    )


def checksummed(address: str) -> str:
    """EIP-55."""
    digits = address.removeprefix("0x").lower()
    digest = sha3.keccak_256(digits.encode()).hexdigest()
    return "0x" + "".join(c.upper() if int(d, 16) > 7 else c for c, d in zip(digits, digest, strict=False))


def _order(customer: Customer, asset: Asset, asked: dict[str, Any], now: datetime) -> Order:
    order_id = _time_ordered_id(now)
    return Order(
        id=order_id,
        customer_id=customer.id,
        asset_id=asset.id,
        quantity=asked["quantity"],
        recipient=asked["recipient_wallet"],
        client_order_id=asked["client_order_id"],
        broker="alpaca",
        broker_client_order_id=f"agora-{order_id.hex}",
        next_attempt_at=now,
        created_at=now,
        updated_at=now,
        status="PENDING",
        version=1,
        filled_quantity=Decimal(0),
        custody_quantity=Decimal(0),
        minted_quantity=Decimal(0),
        settled_quantity=Decimal(0),
    )


def _event(order: Order, now: datetime) -> OrderEvent:
    return OrderEvent(
        order_id=order.id,
        sequence=1,
        from_status="",
        to_status="PENDING",
        actor=f"customer:{order.customer_id}",
        reason="",
        data={},
        at=now,
    )


def _public(order: Order, asset: Asset, now: datetime) -> PublicEvent:
    return PublicEvent(
        event_id=_time_ordered_id(now),
        type="order.accepted",
        customer_id=order.customer_id,
        subject_kind="order",
        subject_id=order.id,
        sequence=1,
        data={
            "order_id": str(order.id),
            "client_order_id": order.client_order_id,
            "asset": asset.symbol,
            "status": "PENDING",
            "previous_status": None,
            "quantity": str(order.quantity),
            "filled_quantity": str(order.filled_quantity),
            "filled_avg_price_usd": None,
            "custody_quantity": str(order.custody_quantity),
            "minted_quantity": str(order.minted_quantity),
            "settled_quantity": str(order.settled_quantity),
            "mint_tx_hash": None,
            "reason": None,
        },
        at=now,
    )


def _task(order: Order) -> QueuedTask:
    """A signed payload, as the queue's workers want one."""
    task = {"id": uuid.uuid4().hex, "name": "peer", "func": "orders.tasks.submit_order", "args": (str(order.id),)}
    body = base64.urlsafe_b64encode(pickle.dumps(task))
    sign = base64.urlsafe_b64encode(hmac.digest(SECRET, body, hashlib.sha256))
    return QueuedTask(key="agora", payload=f"{body.decode()}:{sign.decode()}", lock=order.created_at)


def _time_ordered_id(now: datetime) -> uuid.UUID:
    """A UUIDv7."""
    tail = int.from_bytes(os.urandom(10), "big")
    head = int(now.timestamp() * 1000) << 80
    return uuid.UUID(int=head | 0x7 << 76 | (tail >> 68 & 0xFFF) << 64 | 0x2 << 62 | tail & ((1 << 62) - 1))
