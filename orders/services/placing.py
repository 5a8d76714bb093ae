"""Taking an order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.selectors import BUYING, step_subjects
from accounts.services import check_limit, reserve_limit
from accounts.standing import Standing, check_trading_eligibility, check_wallet, standing_of
from agora.lib import ids, transitions
from agora.lib.db import serializable
from agora.lib.errors import AgoraError
from agora.lib.formats import shares
from orders.errors import (
    AssetNotTradable,
    DuplicateClientOrderId,
    QuantityTooLarge,
    QuantityTooSmall,
    UnknownAsset,
)
from orders.market import Estimate, Offer, estimate, offer_of
from orders.models import Asset, Order

if TYPE_CHECKING:
    from accounts.models import Customer

BROKER = "alpaca"


def place_order(
    *, customer: Customer, symbol: str, quantity: Decimal, recipient: str, client_order_id: str, now: datetime
) -> tuple[Order, bool]:
    """Accept an order; (order, True), or (the first one, False) when this client_order_id was used for the same.

    `quantity` in shares, at most 9 decimals; `recipient` an EIP-55 address of theirs. Raises DuplicateClientOrderId,
    UnknownAsset, AssetNotTradable, QuantityTooSmall, QuantityTooLarge, PriceUnavailable, and accounts' refusals; then
    nothing is written.
    """
    asked = Asked(symbol=symbol, quantity=quantity, recipient=recipient, client_order_id=client_order_id)
    try:
        return _accept(customer=customer, asked=asked, now=now), True
    except AgoraError:
        # What was accepted once stays accepted, whatever would be said of it today. Looked up only now, and not first
        # in the transaction: under SERIALIZABLE that look collides with the orders that others place beside it.
        earlier = Order.objects.select_related("asset").filter(customer=customer, client_order_id=client_order_id)
        if not client_order_id or (known := earlier.first()) is None:
            raise
        if (known.asset.symbol, known.quantity, known.recipient) != (symbol, quantity, recipient):
            raise _reused() from None
        return known, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An order as a customer gives it."""

    symbol: str
    quantity: Decimal
    recipient: str
    client_order_id: str


@serializable
def _accept(*, customer: Customer, asked: Asked, now: datetime) -> Order:
    standing = _standing(customer, symbol=asked.symbol, recipient=asked.recipient, now=now)
    offer = offer_of(symbol=asked.symbol, now=now)
    asset, told = _check(standing, offer, asked)
    check_limit(standing, quantity=asked.quantity, amount_usd=told.reserved_usd)
    order_id = ids.new_id()
    order = Order(
        id=order_id,
        customer=customer,
        asset=asset,
        quantity=asked.quantity,
        recipient=asked.recipient,
        client_order_id=asked.client_order_id or str(order_id),
        broker=BROKER,
        broker_client_order_id=ids.broker_client_order_id(order_id),
        next_attempt_at=now + timedelta(seconds=settings.NUDGE_AFTER),  # should its task get lost
    )
    if not transitions.start(order, actor=f"customer:{customer.pk}", now=now, unless="order_once_a_client_id"):
        raise _reused()
    reserve_limit(standing=standing, customer=customer, order_id=order_id, amount_usd=told.reserved_usd, now=now)
    return order


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
        raise _reused()
    offer = offer_of(symbol=symbol, now=now)
    if offer is not None and quantity is None:
        quantity = estimate(offer.quote, notional_usd=notional_usd).quantity
    asked = Asked(symbol=symbol, quantity=quantity or Decimal(0), recipient=recipient, client_order_id=client_order_id)
    standing = _standing(customer, symbol=symbol, recipient=recipient, now=now)
    asset, told = _check(standing, offer, asked)
    left = check_limit(standing, quantity=told.quantity, amount_usd=told.reserved_usd)
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


def _standing(customer: Customer, *, symbol: str, recipient: str, now: datetime) -> Standing:
    subjects = [f"asset:{symbol}", *step_subjects(step=BUYING, symbol=symbol)]
    return standing_of(customer=customer, address=recipient, subjects=subjects, now=now)


def _check(standing: Standing, offer: Offer | None, asked: Asked) -> tuple[Asset, Estimate]:
    """Everything but the limit."""
    check_wallet(standing, address=asked.recipient)
    asset = _check_asset(offer.asset if offer else None, symbol=asked.symbol, quantity=asked.quantity)
    check_trading_eligibility(standing)
    assert offer is not None
    return asset, estimate(offer.quote, quantity=asked.quantity)


def _reused() -> DuplicateClientOrderId:
    return DuplicateClientOrderId(_("Use a new client_order_id for a new order; this one names another."))


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
