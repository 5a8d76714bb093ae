"""Reads about orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum
from django.http import Http404
from django.utils.translation import gettext_noop as _
from django.utils.translation import ngettext

from accounts.selectors import BUYING, EVERYTHING, MINTING, ActiveHold, active_holds, customer_of, step_subjects
from orders.market import PriceState, quote
from orders.models import Asset, Order, OrderClosing, OrderEvent
from orders.states import LADDER, WITHOUT_FILL
from orders.states import OrderStatus as S

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import Customer, User

UNSETTLED_AT_ONCE = 1000
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

    name: str  # in English; pages translate it
    at: datetime | None
    is_next: bool = False  # the first that is not reached yet


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


def hold_subjects(*, facts: OrderFacts, step: str = "") -> list[str]:
    """What stops an order; with `step` (accounts.selectors), also what stops that step alone."""
    own = [f"order:{facts.order_id}", f"asset:{facts.symbol}", f"customer:{facts.customer_id}"]
    return [*own, *(step_subjects(step=step, symbol=facts.symbol) if step else [])]


def step_of(*, status: str) -> str:
    """The step that an order of this status waits for, where it can be paused by itself; else ""."""
    return {S.PENDING: BUYING, S.CUSTODY_CONFIRMED: MINTING}.get(S(status), "")


def order_exists(*, order_id: UUID) -> bool:
    return Order.objects.filter(pk=order_id).exists()


def is_closed(*, order_id: UUID) -> bool:
    """Whether two people closed it for good (orders.services.close_order)."""
    return OrderClosing.objects.filter(order_id=order_id).exists()


def holds_of_orders(*, order_ids: Iterable[UUID], now: datetime) -> dict[UUID, tuple[ActiveHold, ...]]:
    """What holds each of these orders now, oldest first: itself, its asset, its customer or everything. Two queries."""
    rows = Order.objects.filter(pk__in=set(order_ids)).values_list("pk", "status", "asset__symbol", "customer_id")
    subjects = {pk: _stoppers(pk, status, symbol, customer) for pk, status, symbol, customer in rows}
    holds = active_holds(subjects=[one for names in subjects.values() for one in names], now=now)
    return {
        pk: tuple(hold for hold in holds if hold.subject in names or hold.subject == EVERYTHING)
        for pk, names in subjects.items()
    }


def _stoppers(order_id: UUID, status: str, symbol: str, customer_id: UUID) -> list[str]:
    step = step_of(status=status)
    own = [f"order:{order_id}", f"asset:{symbol}", f"customer:{customer_id}"]
    return [*own, *(step_subjects(step=step, symbol=symbol) if step else [])]


def unsettled_with_broker() -> list[str]:
    """Our client order ids of which the broker may still have something to say that we have not added up."""
    return [client_order_id for _, _, client_order_id in _unsettled()]


def oldest_unsettled_at() -> datetime | None:
    """When the oldest of them was placed."""
    return min((created_at for _, created_at, _ in _unsettled()), default=None)


def _unsettled() -> list[tuple[datetime, datetime, str]]:
    """(moved, placed, client order id) of a thousand at most, those that stand still longest first.

    Two statements, each with its partial index: in one, or without the limit, PostgreSQL reads every order there is,
    for it takes any two columns to be different.
    """
    waiting = Q(status__in=[S.SUBMITTED, S.PARTIALLY_FILLED])
    disagreeing = ~Q(filled_quantity=F("broker_filled_quantity")) & Q(status__in=[*LADDER, *WITHOUT_FILL])
    found = [
        Order.objects.filter(which)
        .order_by("updated_at")
        .values_list("updated_at", "created_at", "broker_client_order_id")[:UNSETTLED_AT_ONCE]
        for which in (waiting, disagreeing)
    ]
    return sorted(row for rows in found for row in rows)[:UNSETTLED_AT_ONCE]


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


def steps(*, order: Order) -> list[Step]:
    """Pending → Filled → In custody → Minted, each with the time it was last reached."""
    reached = {event.to_status: event.at for event in OrderEvent.objects.filter(order=order).order_by("sequence")}
    return steps_of(order=order, reached=reached)


def steps_of(*, order: Order, reached: Mapping[str, datetime]) -> list[Step]:
    """By the time at which each status was last reached."""
    done: Sequence[str] = LADDER[: LADDER.index(S(order.status)) + 1] if order.status in LADDER else ()
    times = [
        (_("Pending"), order.created_at),
        (_("Filled"), reached.get(S.FILLED) if S.FILLED in done else None),
        (_("In custody"), reached.get(S.CUSTODY_CONFIRMED) if S.CUSTODY_CONFIRMED in done else None),
        (_("Minted"), reached.get(S.MINT_CONFIRMED) if S.MINT_CONFIRMED in done else None),
    ]
    following = next((name for name, at in times if at is None), None)
    return [Step(name=name, at=at, is_next=name == following) for name, at in times]


def closing_blockers(*, customer: Customer, now: datetime) -> list[str]:
    """Why a customer's account cannot be closed yet (agora/pipeline.py)."""
    ended = [S.SETTLED, *sorted(WITHOUT_FILL)]
    going = Order.objects.filter(customer=customer, closing=None).exclude(status__in=ended).count()
    if not going:
        return []
    sentence = ngettext("%(count)d order is on its way.", "%(count)d orders are on their way.", going)
    return [sentence % {"count": going}]


def recipients_of(*, customer: Customer) -> list[str]:
    """The addresses that the customer's orders named."""
    return list(Order.objects.filter(customer=customer).values_list("recipient", flat=True).distinct())


def asset_symbols() -> list[str]:
    return list(Asset.objects.order_by("symbol").values_list("symbol", flat=True))


def tradable_assets() -> list[Asset]:
    return list(Asset.objects.filter(is_tradable=True).order_by("symbol"))


def asset_by_symbol(*, symbol: str) -> Asset:
    """Raises Asset.DoesNotExist."""
    return Asset.objects.get(symbol=symbol)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestPrice:
    """A share's price, in short; `orders.market.quote` says more."""

    price_usd: Decimal
    at: datetime  # when it was made
    checked_at: datetime  # when a source last answered
    is_fresh: bool  # fresh enough to take an order on


def latest_price(*, symbol: str, now: datetime) -> LatestPrice | None:
    told = quote(symbol=symbol, now=now)
    if told.price_usd is None or told.at is None or told.checked_at is None:
        return None
    is_fresh = told.state is not PriceState.PAUSED
    return LatestPrice(price_usd=told.price_usd, at=told.at, checked_at=told.checked_at, is_fresh=is_fresh)


@dataclass(frozen=True, slots=True, kw_only=True)
class FillBook:
    """What our records say the broker filled, and whether more may be under way."""

    filled: Decimal
    is_quiet: bool  # no order of the asset is at the broker with something still to say


def fill_book(*, symbol: str) -> FillBook:
    """In one query: an order is either in flight, or its fills are in the sum."""
    busy = Q(status__in=[S.SUBMITTING, S.SUBMITTED, S.PARTIALLY_FILLED]) | ~Q(
        filled_quantity=F("broker_filled_quantity")
    )
    found = Order.objects.filter(asset__symbol=symbol).aggregate(
        total=Sum("filled_quantity"), busy=Count("pk", filter=busy)
    )
    return FillBook(filled=found["total"] or Decimal(0), is_quiet=not found["busy"])


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckRow:
    """A row that is not done and has not moved for a while."""

    kind: str
    row_id: str
    order_id: str
    status: str
    since: datetime
    waits_for: str
    cause: str  # one of CAUSES
    holds: tuple[ActiveHold, ...] = ()


FAILED, UNCERTAIN, HELD, OUTSIDE, OURS = "failed", "uncertain", "held", "outside", "ours"
CAUSES = {  # what kind of standing still it is, the worst first
    FAILED: "Failed: staff decide",
    UNCERTAIN: "Nobody knows yet whether the vendor got it",
    HELD: "On hold",
    OUTSIDE: "Waits for a vendor or the chain",
    OURS: "Waits for us: a worker, or an earlier step",
}


def cause_of(*, holds: Sequence[ActiveHold], otherwise: str) -> str:
    """Failed and uncertain say more than a hold does."""
    return HELD if holds and otherwise not in (FAILED, UNCERTAIN) else otherwise


def stuck_orders(*, before: datetime, now: datetime) -> list[StuckRow]:
    """Orders between acceptance and custody that have not moved since `before`, oldest first."""
    open_here = [S.PENDING, S.SUBMITTING, S.SUBMITTED, S.PARTIALLY_FILLED, S.FILLED]
    found = Order.objects.filter(status__in=open_here, updated_at__lt=before, closing=None)
    rows = list(found.order_by("updated_at")[:500])
    holds = holds_of_orders(order_ids=[order.pk for order in rows], now=now)
    return [
        StuckRow(
            kind="order",
            row_id=str(order.pk),
            order_id=str(order.pk),
            status=order.status,
            since=order.updated_at,
            waits_for=_WAITS_FOR[S(order.status)],
            cause=cause_of(holds=holds[order.pk], otherwise=_cause(order)),
            holds=holds[order.pk],
        )
        for order in rows
    ]


def _cause(order: Order) -> str:
    if order.uncertain_since:
        return UNCERTAIN
    return OURS if order.status in (S.PENDING, S.FILLED) else OUTSIDE


_WAITS_FOR = {
    S.PENDING: "a worker to submit it",
    S.SUBMITTING: "the broker's answer, or a look-up of it",
    S.SUBMITTED: "the broker to fill it",
    S.PARTIALLY_FILLED: "the broker to fill the rest",
    S.FILLED: "the custodian",
}
