"""A customer's day: taken at acceptance, given back when nothing was bought, race-proof, by their own calendar."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.errors import BelowLotMinimum, DailyLimitReached, NoTier, PortfolioCapReached
from accounts.models import Customer, LimitDay, LimitUse, Tier, User
from accounts.selectors import LimitLeft, limit_left
from accounts.services import (
    approve_customer,
    bind_wallet,
    issue_api_token,
    register_customer,
    register_tiers,
    reinstate_limit,
    release_limit,
)
from agora.lib.db import serializable
from agora.lib.invariants import check
from agora.management.commands.audit import all_invariants
from agora.tests.world import World
from orders.errors import PriceUnavailable
from orders.models import Asset, AssetPrice, Order
from orders.selectors import latest_price
from orders.services import catch_up, place_order, record_price, register_asset

pytestmark = pytest.mark.django_db(transaction=True)

WALLET = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
NOON = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


@pytest.fixture
def asset() -> Asset:
    register_tiers()
    return new_asset(price="250")


def new_asset(*, price: str, now: datetime = NOON) -> Asset:
    asset = register_asset(
        symbol="AAPL",
        name="Apple Inc.",
        token_symbol="AAPL-RAT",
        min_quantity=Decimal("0.01"),
        max_quantity=Decimal(1000),
    )
    record_price(symbol="AAPL", price_usd=Decimal(price), at=now, now=now)
    return asset


def buyer(country: str = "BR", name: str = "alice", wallet: str = WALLET) -> Customer:
    user = User.objects.create_user(name)
    customer = register_customer(user=user, full_name=name, country=country, now=NOON)
    approve_customer(customer=customer, actor="test", now=NOON)
    bind_wallet(customer=customer, address=wallet, now=NOON)
    return customer


def buy(customer: Customer, quantity: str, *, now: datetime = NOON, client_order_id: str = "") -> Order:
    AssetPrice.objects.update(at=now, checked_at=now)
    order, _ = place_order(
        customer=customer,
        symbol="AAPL",
        quantity=Decimal(quantity),
        recipient=customer.wallets.get().address,
        client_order_id=client_order_id,
        now=now,
    )
    return order


def left(customer: Customer, now: datetime = NOON) -> LimitLeft:
    view = limit_left(customer=customer, now=now)
    assert view is not None
    return view


def assert_sound() -> None:
    """All that the audit asks, but for whether somebody looks at orders: these are of the past, and nobody does."""
    asked = [invariant for invariant in all_invariants() if invariant.name != "an order that is due is looked at"]
    assert len(asked) == len(all_invariants()) - 1
    assert [verdict for verdict in map(check, asked) if not verdict.holds] == []


def test_a_thousand_dollars_a_day_to_the_last_cent_and_not_one_more(asset: Asset) -> None:
    alice = buyer()
    buy(alice, "3.9")  # 975.00
    assert left(alice).left_usd == Decimal(25)
    buy(alice, "0.1")
    assert (left(alice).used_usd, left(alice).left_usd) == (Decimal(1000), Decimal(0))

    with pytest.raises(DailyLimitReached):
        buy(alice, "0.01")

    assert (Order.objects.count(), LimitUse.objects.count()) == (2, 2)
    assert_sound()


def test_the_refusal_says_what_is_left_and_when_it_resets(asset: Asset) -> None:
    alice = buyer()
    buy(alice, "3")
    with pytest.raises(DailyLimitReached) as refusal:
        buy(alice, "1.5")
    assert refusal.value.detail == (
        "This order is about US$375.00; US$250.00 of your US$1,000.00 are left today. "
        "The limit resets on 21 Nov 2026, 00:00 where you live."
    )


def test_the_api_answers_422_and_writes_nothing(asset: Asset) -> None:
    alice = buyer()
    record_price(symbol="AAPL", price_usd=Decimal(250), at=timezone.now(), now=timezone.now())
    token = issue_api_token(user=alice.user, name="test", now=timezone.now())
    body = {"asset": "AAPL", "quantity": "4.01", "recipient_wallet": WALLET, "client_order_id": "1"}
    answer = Client().post(
        "/api/v1/orders", body, content_type="application/json", headers={"Authorization": f"Bearer {token}"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "daily_limit_reached")
    assert (Order.objects.count(), LimitDay.objects.count()) == (0, 0)


def test_a_fraction_of_a_cent_counts_as_a_cent(asset: Asset) -> None:
    alice = buyer()
    record_price(symbol="AAPL", price_usd=Decimal("250.000000001"), at=NOON, now=NOON)
    buy(alice, "0.01")
    assert left(alice).used_usd == Decimal("2.51")


def test_the_same_order_again_takes_nothing_more(asset: Asset) -> None:
    alice = buyer()
    first, again = buy(alice, "3", client_order_id="x"), buy(alice, "3", client_order_id="x")
    assert (first.pk, left(alice).used_usd) == (again.pk, Decimal(750))


def test_two_customers_do_not_share_a_day(asset: Asset) -> None:
    alice, bob = buyer(), buyer(name="bob", wallet="0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC")
    buy(alice, "4")
    buy(bob, "4")


@pytest.mark.parametrize("round_", range(3))
def test_of_orders_racing_for_the_last_dollars_exactly_one_passes(asset: Asset, round_: int) -> None:
    alice = buyer()
    if round_:  # with and without a first order of the day
        buy(alice, "2")
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def race() -> None:
        try:
            start.wait()
            place_order(
                customer=alice,
                symbol="AAPL",
                quantity=Decimal("2") if round_ else Decimal("4"),
                recipient=WALLET,
                client_order_id="",
                now=NOON,
            )
            outcomes.append("placed")
        except DailyLimitReached:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["placed", "refused", "refused", "refused"]
    assert (left(alice).left_usd, Order.objects.count()) == (Decimal(0), 2 if round_ else 1)
    assert_sound()


@pytest.mark.parametrize(
    ("country", "zone", "before", "after"),
    [
        ("BR", "America/Sao_Paulo", "2026-07-02T02:59:59", "2026-07-02T03:00:00"),
        ("BR", "America/Sao_Paulo", "2026-12-25T02:59:59", "2026-12-25T03:00:00"),
        ("PY", "America/Asuncion", "2026-07-02T02:59:59", "2026-07-02T03:00:00"),  # -03 all year since October 2024
        ("PY", "America/Asuncion", "2026-12-25T02:59:59", "2026-12-25T03:00:00"),
    ],
)
def test_the_day_is_the_customers_own(asset: Asset, country: str, zone: str, before: str, after: str) -> None:
    customer = buyer(country)
    last, first = (datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in (before, after))

    buy(customer, "4", now=last)
    assert left(customer, last).resets_at == first
    assert left(customer, last).resets_at.tzinfo == ZoneInfo(zone)
    with pytest.raises(DailyLimitReached):
        buy(customer, "0.01", now=last)
    buy(customer, "4", now=first)

    assert (left(customer, first).day - left(customer, last).day).days == 1
    assert_sound()


def test_a_portfolio_has_a_cap_across_days(asset: Asset) -> None:
    alice = buyer()
    Tier.objects.filter(country="BR", level=1).update(portfolio_cap_usd=Decimal(1500))
    buy(alice, "4")
    tomorrow = NOON + timedelta(days=1)
    assert left(alice, tomorrow).portfolio_left_usd == Decimal(500)
    with pytest.raises(PortfolioCapReached):
        buy(alice, "2.01", now=tomorrow)
    buy(alice, "2", now=tomorrow)


def test_a_tier_may_ask_for_a_larger_lot_and_a_customer_without_a_tier_buys_nothing(asset: Asset) -> None:
    alice = buyer()
    Tier.objects.update(min_quantity=Decimal("0.5"))
    with pytest.raises(BelowLotMinimum):
        buy(alice, "0.49")
    Tier.objects.all().delete()
    with pytest.raises(NoTier):
        buy(alice, "1")
    assert LimitUse.objects.count() == 0


def test_no_order_is_taken_on_an_old_price_or_on_none(asset: Asset) -> None:
    alice = buyer()
    late = NOON + timedelta(seconds=61)
    price = latest_price(symbol="AAPL", now=late)
    assert price is not None
    assert (price.is_fresh, price.price_usd) == (False, Decimal(250))
    for _ in range(2):
        with pytest.raises(PriceUnavailable):
            place_order(
                customer=alice,
                symbol="AAPL",
                quantity=Decimal("0.1"),
                recipient=WALLET,
                client_order_id="",
                now=late,
            )
        AssetPrice.objects.all().delete()
    assert (Order.objects.count(), LimitUse.objects.count()) == (0, 0)


def test_an_older_price_that_comes_late_does_not_replace_a_newer_one(asset: Asset) -> None:
    record_price(symbol="AAPL", price_usd=Decimal(1), at=NOON - timedelta(seconds=1), now=NOON + timedelta(seconds=1))
    price = latest_price(symbol="AAPL", now=NOON)
    assert price is not None
    assert (price.price_usd, price.at, price.checked_at) == (Decimal(250), NOON, NOON + timedelta(seconds=1))


@serializable
def _release(order_id: UUID) -> None:
    release_limit(order_id=order_id, now=NOON)


@serializable
def _reinstate(order_id: UUID) -> None:
    reinstate_limit(order_id=order_id, now=NOON)


def test_what_is_given_back_is_given_back_once_and_can_count_again_beyond_the_limit(asset: Asset) -> None:
    alice = buyer()
    order = buy(alice, "4")
    _release(order.pk)
    _release(order.pk)
    assert left(alice).left_usd == Decimal(1000)
    buy(alice, "3")
    _reinstate(order.pk)  # 1,750 of 1,000: the shares were bought, whatever we think of it
    _reinstate(order.pk)
    assert (left(alice).used_usd, left(alice).left_usd) == (Decimal(1750), Decimal(0))
    with pytest.raises(DailyLimitReached):
        buy(alice, "0.01")


def test_the_database_itself_refuses_a_day_beyond_its_limit_and_a_changed_use(asset: Asset) -> None:
    buy(buyer(), "4")
    for change in (
        lambda: LimitDay.objects.update(used_usd=Decimal("1000.01")),
        lambda: LimitUse.objects.update(amount_usd=Decimal(1)),
        lambda: LimitUse.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


# --- with the broker -------------------------------------------------------------------------------------------------


def _tier_1(world: World) -> None:
    Customer.objects.filter(pk=world.alice.customer.pk).update(tier_level=1)
    world.alice.customer.refresh_from_db()


def _used(world: World) -> Decimal:
    return left(world.alice.customer, timezone.now()).used_usd


@pytest.mark.parametrize("how", ["reject", "cancel"])
def test_an_order_that_ends_with_nothing_bought_gives_its_part_back(world: World, how: str) -> None:
    _tier_1(world)
    script: dict[str, Any] = {"do": "reject", "status": 403} if how == "reject" else {"do": "cancel"}
    world.outside.broker.control.scenario(script, symbol="AAPL")
    order = world.place("4")
    assert _used(world) == Decimal(880)

    world.until_status(order, "REJECTED", "CANCELLED")

    assert _used(world) == Decimal(0)
    assert world.violations() == []


def test_a_fill_that_crosses_the_cancel_counts_again(world: World) -> None:
    _tier_1(world)
    world.outside.broker.control.scenario({"do": "cancel"})
    order = world.until_status(world.place("4"), "CANCELLED")
    assert _used(world) == Decimal(0)

    world.outside.broker.control.order(order.broker_order_id, "fill", qty="4")
    catch_up(now=timezone.now())
    world.until_minted(order)

    assert _used(world) == Decimal(880)
    assert world.violations() == []


def test_a_filled_order_keeps_its_part(world: World) -> None:
    _tier_1(world)
    world.until_minted(world.place("1"))
    assert _used(world) == Decimal(220)
    with pytest.raises(DailyLimitReached):
        world.place("4")
    assert world.violations() == []
