"""Taking an order."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from accounts.selectors import check_trading_eligibility, check_wallet
from accounts.services import reserve_limit
from agora.lib import ids, transitions
from agora.lib.db import serializable
from agora.lib.money import plain
from orders.errors import (
    AssetNotTradable,
    DuplicateClientOrderId,
    QuantityTooLarge,
    QuantityTooSmall,
    UnknownAsset,
)
from orders.market import estimate
from orders.models import Asset, Order

if TYPE_CHECKING:
    from accounts.models import Customer

BROKER = "alpaca"


@serializable
def place_order(
    *, customer: Customer, symbol: str, quantity: Decimal, recipient: str, client_order_id: str, now: datetime
) -> tuple[Order, bool]:
    """Accept an order; (order, True), or (the first one, False) when this client_order_id was used for the same.

    `quantity` in shares, at most 9 decimals; `recipient` an EIP-55 address of theirs. Raises DuplicateClientOrderId,
    UnknownAsset, AssetNotTradable, QuantityTooSmall, QuantityTooLarge, PriceUnavailable, and accounts' refusals; then
    nothing is written.
    """
    asset = Asset.objects.filter(symbol=symbol).first()
    if client_order_id:
        earlier = Order.objects.filter(customer=customer, client_order_id=client_order_id).first()
        if earlier:
            return _same_order(earlier, asset=asset, quantity=quantity, recipient=recipient), False
    check_wallet(customer=customer, address=recipient)
    asset = _check_asset(asset, symbol=symbol, quantity=quantity)
    check_trading_eligibility(customer=customer, subjects=[f"asset:{symbol}"], now=now)
    order_id = ids.new_id()
    order = Order(
        id=order_id,
        customer=customer,
        asset=asset,
        quantity=quantity,
        recipient=recipient,
        client_order_id=client_order_id or str(order_id),
        broker=BROKER,
        broker_client_order_id=ids.broker_client_order_id(order_id),
        next_attempt_at=now,
    )
    reserved = estimate(asset=asset, quantity=quantity, now=now).reserved_usd
    reserve_limit(customer=customer, order_id=order_id, quantity=quantity, amount_usd=reserved, now=now)
    transitions.start(order, actor=f"customer:{customer.pk}", now=now)
    return order, True


def register_asset(*, symbol: str, name: str, token_symbol: str, min_quantity: Decimal, max_quantity: Decimal) -> Asset:
    """The asset of that symbol, added if it is new."""
    asset, _ = Asset.objects.get_or_create(
        symbol=symbol,
        defaults={
            "name": name,
            "token_symbol": token_symbol,
            "min_quantity": min_quantity,
            "max_quantity": max_quantity,
        },
    )
    return asset


def _same_order(order: Order, *, asset: Asset | None, quantity: Decimal, recipient: str) -> Order:
    if (order.asset_id, order.quantity, order.recipient) != (asset and asset.pk, quantity, recipient):
        raise DuplicateClientOrderId("Use a new client_order_id for a new order; this one names another.")
    return order


def _check_asset(asset: Asset | None, *, symbol: str, quantity: Decimal) -> Asset:
    if asset is None:
        raise UnknownAsset(f"{symbol!r} is not offered. GET /api/v1/assets lists what is.")
    if not asset.is_tradable:
        raise AssetNotTradable(f"{asset.symbol} is paused. Nothing was ordered; try again later.")
    if quantity < asset.min_quantity:
        raise QuantityTooSmall(f"Order at least {plain(asset.min_quantity)} {asset.symbol}.")
    if quantity > asset.max_quantity:
        raise QuantityTooLarge(f"Order at most {plain(asset.max_quantity)} {asset.symbol} at once.")
    return asset
