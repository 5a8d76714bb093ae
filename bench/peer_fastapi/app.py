"""`POST /api/v1/orders` in the original blueprint's stack: FastAPI, SQLAlchemy's async ORM, asyncpg.

The peer that Agora's intake is measured against, written as its frameworks' own tutorials would have it: the same
authentication, rate, checks, rows, isolation and answer, on the same database, whose triggers and constraints bind it
as they bind us. It is generous where in doubt: refusals carry a code only, and nothing is translated.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, literal, or_, select
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import joinedload

from . import placing
from .tables import ApiToken, RateBucket, User

RATE = 60_000  # a minute
WINDOW = timedelta(minutes=1)
TIMESTAMPTZ = TIMESTAMP(timezone=True)
RETRIED = {"40001", "40P01"}
ATTEMPTS = 12

engine = create_async_engine(os.environ["PEER_DATABASE_URL"], pool_size=16, max_overflow=16)
reads = async_sessionmaker(engine.execution_options(isolation_level="AUTOCOMMIT"), expire_on_commit=False)
orders = async_sessionmaker(engine.execution_options(isolation_level="SERIALIZABLE"), expire_on_commit=False)
app = FastAPI()
logging.basicConfig(level="INFO", format='{"event": "%(message)s", "at": "%(asctime)s"}')
logger = logging.getLogger("peer")


class PlaceOrder(BaseModel):
    model_config = ConfigDict(extra="forbid")
    asset: str = Field(max_length=12)
    quantity: Decimal = Field(gt=0, max_digits=18, decimal_places=9)
    recipient_wallet: str = Field(max_length=42)
    client_order_id: str = Field(max_length=64, pattern=r"^[\x21-\x7e]+$")


class StepOut(BaseModel):
    name: str
    at: datetime | None


class OrderOut(BaseModel):
    order_id: str
    client_order_id: str
    asset: str
    quantity: str
    filled_quantity: str
    filled_avg_price_usd: str | None
    recipient_wallet: str
    status: str
    cancel_requested_at: datetime | None
    broker_status: str
    broker_order_id: str
    custody_reference: str
    mint_tx_hash: str
    created_at: datetime
    updated_at: datetime
    steps: list[StepOut]
    message: str


async def reading() -> AsyncIterator[AsyncSession]:
    async with reads() as session:
        yield session


async def caller(request: Request, session: Annotated[AsyncSession, Depends(reading)]) -> ApiToken:
    """The API key of a request, within its rate and scope."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    now = datetime.now(UTC)
    token = await session.scalar(
        select(ApiToken)
        .join(ApiToken.user)
        .options(joinedload(ApiToken.user).joinedload(User.customer))
        .where(ApiToken.digest == hashlib.sha256(text.encode()).hexdigest(), ApiToken.revoked_at.is_(None))
        .where(User.is_active, or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now))
    )
    if scheme.lower() != "bearer" or token is None or token.user.customer is None:
        raise HTTPException(401, "not_authenticated")
    if token.last_used_at is None or now - token.last_used_at > timedelta(minutes=10):
        token.last_used_at = now
        await session.commit()
    if "orders:write" not in token.scopes:
        raise HTTPException(403, "insufficient_scope")
    await _take_rate(session, f"key:{token.id}", token.requests_per_minute or RATE, now)
    return token


@app.post("/api/v1/orders", status_code=201)
async def place_order(asked: PlaceOrder, token: Annotated[ApiToken, Depends(caller)], response: Response) -> OrderOut:
    customer = token.user.customer
    assert customer is not None
    for attempt in range(ATTEMPTS):
        try:
            async with orders() as session, session.begin():
                order, asset, message = await placing.place(session, customer.id, asked.model_dump(), datetime.now(UTC))
            break
        except placing.Refused as refusal:
            raise HTTPException(409, refusal.code) from refusal
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") not in RETRIED or attempt == ATTEMPTS - 1:
                raise
            await asyncio.sleep(random.uniform(0, 0.002 * 2 ** (attempt + 1)))  # noqa: S311
    logger.info("moved order %s to PENDING", order.id)
    response.headers["Location"] = f"/api/v1/orders/{order.id}"
    return represent(order, asset, message)


def represent(order: Any, asset: Any, message: str) -> OrderOut:
    return OrderOut(
        order_id=str(order.id),
        client_order_id=order.client_order_id,
        asset=asset.symbol,
        quantity=str(order.quantity),
        filled_quantity=str(order.filled_quantity),
        filled_avg_price_usd=order.filled_avg_price and str(order.filled_avg_price),
        recipient_wallet=order.recipient,
        status=order.status,
        cancel_requested_at=order.cancel_requested_at,
        broker_status=order.broker_status,
        broker_order_id=order.broker_order_id,
        custody_reference=order.custody_reference,
        mint_tx_hash=order.mint_tx_hash,
        created_at=order.created_at,
        updated_at=order.updated_at,
        steps=[StepOut(name="Pending", at=order.created_at)]
        + [StepOut(name=name, at=None) for name in ("Filled", "In custody", "Minted")],
        message=message,
    )


async def _take_rate(session: AsyncSession, name: str, quota: int, now: datetime) -> None:
    share = WINDOW / quota
    new = insert(RateBucket).values(name=name, full_at=now + share)
    after = func.greatest(RateBucket.full_at, literal(now, TIMESTAMPTZ), type_=TIMESTAMPTZ) + share
    taken = await session.scalar(
        new.on_conflict_do_update(
            index_elements=[RateBucket.name], set_={"full_at": after}, where=after <= literal(now + WINDOW, TIMESTAMPTZ)
        ).returning(RateBucket.full_at)
    )
    if taken is None:
        raise HTTPException(429, "rate_limited")
