"""Reads about orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q, QuerySet, Sum
from django.http import Http404

from accounts.selectors import ActiveHold, active_holds, customer_of
from orders.errors import PriceUnavailable
from orders.models import Asset, AssetPrice, EventPlace, Order, OrderEvent
from orders.states import LADDER, OPEN, WITHOUT_FILL
from orders.states import OrderStatus as S

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

RESERVE_HOLD = "reserve-gate"  # the owner of holds that wait for a reserve report, and end by themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """What later apps need to know of an order, as plain values."""

    order_id: UUID
    customer_id: UUID
    asset_id: int
    symbol: str
    broker: str
    broker_order_id: str
    recipient: str
    filled_quantity: Decimal  # shares that our executions and the broker's own sum agree on; 0 while they do not


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of the four steps a customer sees, and when it was reached (None: not yet)."""

    name: str
    at: datetime | None


def order_facts(*, order_id: UUID) -> OrderFacts:
    order = Order.objects.select_related("asset").get(pk=order_id)
    agreed = order.status in LADDER and order.filled_quantity == order.broker_filled_quantity
    return OrderFacts(
        order_id=order.pk,
        customer_id=order.customer_id,
        asset_id=order.asset_id,
        symbol=order.asset.symbol,
        broker=order.broker,
        broker_order_id=order.broker_order_id,
        recipient=order.recipient,
        filled_quantity=order.filled_quantity if agreed else Decimal(0),
    )


def hold_subjects(*, facts: OrderFacts) -> list[str]:
    return [f"order:{facts.order_id}", f"asset:{facts.symbol}", f"customer:{facts.customer_id}"]


def unsettled_with_broker() -> list[str]:
    """Our client order ids of which the broker may still have something to say that we have not added up."""
    return list(_unsettled().order_by("updated_at").values_list("broker_client_order_id", flat=True)[:1000])


def oldest_unsettled_at() -> datetime | None:
    """When the oldest of them was placed."""
    return _unsettled().order_by("created_at").values_list("created_at", flat=True).first()


def _unsettled() -> QuerySet[Order]:
    waiting = Q(status__in=[S.SUBMITTED, S.PARTIALLY_FILLED])
    disagreeing = Q(status__in=[*LADDER, *WITHOUT_FILL]) & ~Q(filled_quantity=F("broker_filled_quantity"))
    return Order.objects.filter(waiting | disagreeing)


def order_for(*, user: User | AnonymousUser, order_id: UUID) -> Order:
    """The one door to a customer's order. Http404 for a stranger's, as for none."""
    order = Order.objects.select_related("asset").filter(pk=order_id, customer=customer_of(user=user)).first()
    if order is None:
        raise Http404
    return order


def orders_of(*, user: User | AnonymousUser) -> QuerySet[Order]:
    """The customer's orders, newest first."""
    return Order.objects.select_related("asset").filter(customer=customer_of(user=user)).order_by("-created_at")


def page_of_orders(
    *,
    user: User | AnonymousUser,
    before: tuple[datetime, UUID] | None,
    status: str = "",
    client_order_id: str = "",
    limit: int,
) -> list[Order]:
    """The customer's orders, newest first, from `before` (a row's time and id) on."""
    rows = orders_of(user=user).order_by("-created_at", "-pk")
    if before:
        at, pk = before
        rows = rows.filter(Q(created_at__lt=at) | Q(created_at=at, pk__lt=pk))
    if status:
        rows = rows.filter(status=status)
    if client_order_id:
        rows = rows.filter(client_order_id=client_order_id)
    return list(rows[:limit])


def events_of(*, order: Order) -> list[OrderEvent]:
    return list(OrderEvent.objects.filter(order=order).order_by("sequence"))


def events_after(*, user: User | AnonymousUser, position: int, limit: int) -> list[EventPlace]:
    """What happened to the customer's orders after a place of the feed, in order. See `services.place_events`."""
    rows = EventPlace.objects.select_related("event").filter(position__gt=position)
    return list(rows.filter(event__order__customer=customer_of(user=user)).order_by("position")[:limit])


def steps(*, order: Order) -> list[Step]:
    """Pending → Filled → In custody → Minted, each with the time it was last reached."""
    reached = {event.to_status: event.at for event in OrderEvent.objects.filter(order=order).order_by("sequence")}
    done: Sequence[str] = LADDER[: LADDER.index(S(order.status)) + 1] if order.status in LADDER else ()
    return [
        Step(name="Pending", at=order.created_at),
        Step(name="Filled", at=reached.get(S.FILLED) if S.FILLED in done else None),
        Step(name="In custody", at=reached.get(S.CUSTODY_CONFIRMED) if S.CUSTODY_CONFIRMED in done else None),
        Step(name="Minted", at=reached.get(S.MINT_CONFIRMED) if S.MINT_CONFIRMED in done else None),
    ]


def explain(*, order: Order, now: datetime) -> str:
    """What is happening to an order, in a sentence its customer can read."""
    holds = active_holds(subjects=hold_subjects(facts=order_facts(order_id=order.pk)), now=now)
    if holds and all(hold.owner == RESERVE_HOLD for hold in holds):
        return f"The custodian holds your shares. Your tokens wait for the next reserve report: {holds[0].reason}."
    if holds:
        return "We have paused this order to check it. Nothing is lost; our staff know of it."
    if order.cancel_requested_at and order.status in OPEN:
        return _CANCELLING if not order.cancel_refusal else f"The broker did not cancel it: {order.cancel_refusal}"
    return _SENTENCES[S(order.status)].format(reason=order.reason)


_CANCELLING = "You have cancelled this order. We are waiting for the broker's word; what it fills before that is yours."


_SENTENCES = {
    S.PENDING: "We have your order and are about to send it to the broker.",
    S.SUBMITTING: "We are sending your order to the broker.",
    S.SUBMITTED: "The broker has your order and will fill it while the market is open.",
    S.PARTIALLY_FILLED: "The broker has filled a part of your order.",
    S.FILLED: "The broker has bought your shares. We are waiting for the custodian to confirm that it holds them.",
    S.CUSTODY_CONFIRMED: "The custodian holds your shares. Your tokens are being minted.",
    S.MINT_CONFIRMED: "Your tokens are in your wallet.",
    S.SETTLED: "Your tokens are in your wallet, and settled.",
    S.REJECTED: "The broker rejected your order: {reason}",
    S.CANCELLED: "Your order was cancelled before anything was bought. {reason}",
    S.EXPIRED: "Your order expired before anything was bought. {reason}",
}


def asset_symbols() -> list[str]:
    return list(Asset.objects.order_by("symbol").values_list("symbol", flat=True))


def tradable_assets() -> list[Asset]:
    return list(Asset.objects.filter(is_tradable=True).order_by("symbol"))


def asset_by_symbol(*, symbol: str) -> Asset:
    """Raises Asset.DoesNotExist."""
    return Asset.objects.get(symbol=symbol)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestPrice:
    """A share's price, as a page shows it."""

    price_usd: Decimal
    at: datetime  # when it was made
    checked_at: datetime  # when the feed last said so
    is_fresh: bool  # fresh enough to take an order on


def latest_price(*, symbol: str, now: datetime) -> LatestPrice | None:
    row = AssetPrice.objects.filter(asset__symbol=symbol).first()
    if row is None:
        return None
    fresh = row.checked_at >= now - timedelta(seconds=settings.PRICE_MAX_AGE)
    return LatestPrice(price_usd=row.price_usd, at=row.at, checked_at=row.checked_at, is_fresh=fresh)


def guarded_price(*, asset: Asset, now: datetime) -> Decimal:
    """US$ a share, fresh enough to take an order on. Raises PriceUnavailable."""
    price = latest_price(symbol=asset.symbol, now=now)
    if price is None or not price.is_fresh:
        raise PriceUnavailable(f"The price of {asset.symbol} is too old to buy on. Nothing was ordered; try again.")
    return price.price_usd


def filled_total(*, symbol: str) -> Decimal:
    """Shares filled for customers in all."""
    total: Decimal | None = Order.objects.filter(asset__symbol=symbol).aggregate(total=Sum("filled_quantity"))["total"]
    return total or Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckRow:
    """A row that is not done and has not moved for a while."""

    kind: str
    row_id: str
    order_id: str
    status: str
    since: datetime
    waits_for: str
    holds: tuple[ActiveHold, ...] = ()


def stuck_orders(*, before: datetime, now: datetime) -> list[StuckRow]:
    """Orders between acceptance and custody that have not moved since `before`, oldest first."""
    rows = Order.objects.select_related("asset").filter(
        status__in=[S.PENDING, S.SUBMITTING, S.SUBMITTED, S.PARTIALLY_FILLED, S.FILLED], updated_at__lt=before
    )
    return [
        StuckRow(
            kind="order",
            row_id=str(order.pk),
            order_id=str(order.pk),
            status=order.status,
            since=order.updated_at,
            waits_for=_WAITS_FOR[S(order.status)],
            holds=tuple(active_holds(subjects=hold_subjects(facts=order_facts(order_id=order.pk)), now=now)),
        )
        for order in rows.order_by("updated_at")[:500]
    ]


_WAITS_FOR = {
    S.PENDING: "a worker to submit it",
    S.SUBMITTING: "the broker's answer, or a look-up of it",
    S.SUBMITTED: "the broker to fill it",
    S.PARTIALLY_FILLED: "the broker to fill the rest",
    S.FILLED: "the custodian",
}
