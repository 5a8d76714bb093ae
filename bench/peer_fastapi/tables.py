"""The tables that an order's intake reads and writes, as SQLAlchemy maps them. Django's migrations own them."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    type_annotation_map = {datetime: TIMESTAMP(timezone=True), dict[str, Any]: JSONB, list[str]: ARRAY(Text)}


class User(Base):
    __tablename__ = "accounts_user"
    id: Mapped[int] = mapped_column(primary_key=True)
    is_active: Mapped[bool]
    customer: Mapped[Customer | None] = relationship(back_populates="user")


class Customer(Base):
    __tablename__ = "accounts_customer"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("accounts_user.id"))
    country: Mapped[str]
    tier_level: Mapped[int]
    status: Mapped[str]
    user: Mapped[User] = relationship(back_populates="customer")


class ApiToken(Base):
    __tablename__ = "accounts_apitoken"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("accounts_user.id"))
    digest: Mapped[str]
    scopes: Mapped[list[str]]
    allowed_networks: Mapped[list[str]]
    requests_per_minute: Mapped[int | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    user: Mapped[User] = relationship()


class RateBucket(Base):
    __tablename__ = "agora_ratebucket"
    name: Mapped[str] = mapped_column(primary_key=True)
    full_at: Mapped[datetime]


class Wallet(Base):
    __tablename__ = "accounts_wallet"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[uuid.UUID]
    address: Mapped[str]


class Hold(Base):
    __tablename__ = "accounts_hold"
    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str]
    owner: Mapped[str]
    until: Mapped[datetime | None]
    released_at: Mapped[datetime | None]


class Tier(Base):
    __tablename__ = "accounts_tier"
    id: Mapped[int] = mapped_column(primary_key=True)
    country: Mapped[str]
    level: Mapped[int]
    daily_limit_usd: Mapped[Decimal]
    portfolio_cap_usd: Mapped[Decimal | None]
    min_quantity: Mapped[Decimal]


class LimitDay(Base):
    __tablename__ = "accounts_limitday"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[uuid.UUID]
    day: Mapped[date]
    used_usd: Mapped[Decimal]
    limit_usd: Mapped[Decimal]


class LimitUse(Base):
    __tablename__ = "accounts_limituse"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[uuid.UUID]
    order_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    day: Mapped[date]
    amount_usd: Mapped[Decimal]
    at: Mapped[datetime]


class Asset(Base):
    __tablename__ = "orders_asset"
    id: Mapped[int] = mapped_column(primary_key=True)
    symbol: Mapped[str]
    min_quantity: Mapped[Decimal]
    max_quantity: Mapped[Decimal]
    is_tradable: Mapped[bool]


class AssetPrice(Base):
    __tablename__ = "orders_assetprice"
    asset_id: Mapped[int] = mapped_column(primary_key=True)
    price_usd: Mapped[Decimal]
    at: Mapped[datetime]
    checked_at: Mapped[datetime]
    suspect_price_usd: Mapped[Decimal | None]


class MarketClock(Base):
    __tablename__ = "orders_marketclock"
    broker: Mapped[str] = mapped_column(primary_key=True)
    is_open: Mapped[bool]
    next_open: Mapped[datetime]
    next_close: Mapped[datetime]
    checked_at: Mapped[datetime]


class Order(Base):
    __tablename__ = "orders_order"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[uuid.UUID]
    asset_id: Mapped[int] = mapped_column(ForeignKey("orders_asset.id"))
    quantity: Mapped[Decimal]
    recipient: Mapped[str]
    client_order_id: Mapped[str]
    broker: Mapped[str]
    broker_client_order_id: Mapped[str]
    next_attempt_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(default="PENDING")
    version: Mapped[int] = mapped_column(default=1)
    attempts: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(default="")
    broker_order_id: Mapped[str] = mapped_column(default="")
    broker_status: Mapped[str] = mapped_column(default="")
    broker_phase: Mapped[str] = mapped_column(default="")
    broker_filled_quantity: Mapped[Decimal] = mapped_column(default=Decimal(0))
    filled_quantity: Mapped[Decimal] = mapped_column(default=Decimal(0))
    filled_avg_price: Mapped[Decimal | None]
    custody_quantity: Mapped[Decimal] = mapped_column(default=Decimal(0))
    minted_quantity: Mapped[Decimal] = mapped_column(default=Decimal(0))
    settled_quantity: Mapped[Decimal] = mapped_column(default=Decimal(0))
    custody_reference: Mapped[str] = mapped_column(default="")
    mint_tx_hash: Mapped[str] = mapped_column(default="")
    cancel_requested_at: Mapped[datetime | None]
    cancel_requested_by: Mapped[str] = mapped_column(default="")
    cancel_refusal: Mapped[str] = mapped_column(default="")


class OrderEvent(Base):
    __tablename__ = "orders_orderevent"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders_order.id"))
    sequence: Mapped[int]
    from_status: Mapped[str]
    to_status: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str]
    data: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class PublicEvent(Base):
    __tablename__ = "accounts_publicevent"
    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[uuid.UUID]
    type: Mapped[str]
    customer_id: Mapped[uuid.UUID]
    subject_kind: Mapped[str]
    subject_id: Mapped[uuid.UUID]
    sequence: Mapped[int]
    data: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class QueuedTask(Base):
    __tablename__ = "django_q_ormq"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    payload: Mapped[str]
    lock: Mapped[datetime | None]
