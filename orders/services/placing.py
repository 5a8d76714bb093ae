"""Taking an order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from accounts.selectors import BUYING, check_trading_eligibility, check_wallet, step_subjects
from accounts.services import check_limit, reserve_limit
from agora.lib import ids, transitions
from agora.lib.db import serializable
from agora.lib.formats import shares
from orders.errors import (
    AssetNotTradable,
    DuplicateClientOrderId,
    QuantityTooLarge,
    QuantityTooSmall,
    UnknownAsset,
)
from orders.market import Estimate, estimate
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
    asset, told = _check(customer, asset, symbol=symbol, quantity=quantity, recipient=recipient, now=now)
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
    reserve_limit(customer=customer, order_id=order_id, quantity=quantity, amount_usd=told.reserved_usd, now=now)
    transitions.start(order, actor=f"customer:{customer.pk}", now=now)
    return order, True


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What `place_order` would do now."""

    asset: Asset
    estimate: Estimate
    left_usd: Decimal  # of today's limit, before this order


def preview_order(
    *,
    customer: Customer,
    symbol: str,
    recipient: str,
    client_order_id: str,
    now: datetime,
    quantity: Decimal | None = None,
    notional_usd: Decimal | None = None,
) -> Preview:
    """The estimate of an order, checked as `place_order` checks it, with nothing written. Raises its refusals."""
    if Order.objects.filter(customer=customer, client_order_id=client_order_id).exists():
        raise DuplicateClientOrderId(_("Use a new client_order_id for a new order; this one names another."))
    asset = Asset.objects.filter(symbol=symbol).first()
    if asset is not None and quantity is None:
        quantity = estimate(asset=asset, notional_usd=notional_usd, now=now).quantity
    asset, told = _check(customer, asset, symbol=symbol, quantity=quantity or Decimal(0), recipient=recipient, now=now)
    left = check_limit(customer=customer, quantity=told.quantity, amount_usd=told.reserved_usd, now=now)
    return Preview(asset=asset, estimate=told, left_usd=left.left_usd)


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
        raise DuplicateClientOrderId(_("Use a new client_order_id for a new order; this one names another."))
    return order


def _check(
    customer: Customer, asset: Asset | None, *, symbol: str, quantity: Decimal, recipient: str, now: datetime
) -> tuple[Asset, Estimate]:
    """Everything but the limit: that is taken in the same statement that checks it."""
    check_wallet(customer=customer, address=recipient)
    asset = _check_asset(asset, symbol=symbol, quantity=quantity)
    subjects = [f"asset:{symbol}", *step_subjects(step=BUYING, symbol=symbol)]
    check_trading_eligibility(customer=customer, subjects=subjects, now=now)
    return asset, estimate(asset=asset, quantity=quantity, now=now)


def _check_asset(asset: Asset | None, *, symbol: str, quantity: Decimal) -> Asset:
    if asset is None:
        raise UnknownAsset(_("%(symbol)s is not offered. GET /api/v1/assets lists what is.") % {"symbol": repr(symbol)})
    named = {"symbol": asset.symbol}
    if not asset.is_tradable:
        raise AssetNotTradable(_("%(symbol)s is paused. Nothing was ordered; try again later.") % named)
    if quantity < asset.min_quantity:
        raise QuantityTooSmall(
            _("Order at least %(quantity)s %(symbol)s.") % {**named, "quantity": shares(asset.min_quantity)}
        )
    if quantity > asset.max_quantity:
        raise QuantityTooLarge(
            _("Order at most %(quantity)s %(symbol)s at once.") % {**named, "quantity": shares(asset.max_quantity)}
        )
    return asset
