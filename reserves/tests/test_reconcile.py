"""Three books, compared."""

from __future__ import annotations

import io
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Hold
from accounts.tests.pausing import release_by_two
from agora.tests.rows import new_asset
from agora.tests.world import World
from custody.models import VaultAccount
from minting.models import MintTx
from orders.brokers import get_broker
from orders.brokers.base import OrderRequest
from reserves.errors import BreakRefused
from reserves.models import Break, ReconciliationRun
from reserves.reconcile import Books, compare, ratio, split_of
from reserves.selectors import breaks, positions, ratio_history
from reserves.services import assign_break, refresh, resolve_break
from reserves.states import BreakKind
from reserves.tests.reconciling import empty_vault
from reserves.tests.reports import staff

ONE = Decimal(1)


def books(**changes: Any) -> Books:
    same: dict[str, Any] = dict.fromkeys(("filled", "in_custody", "vault_balance", "minted", "supply"), ONE)
    return Books(**same | changes)


def test_equal_books_have_no_difference() -> None:
    assert compare(books()) == []
    assert ratio(books()) == Decimal("1.0000")


def test_the_ratio_is_by_the_smaller_of_our_records_and_the_custodians_balance() -> None:
    assert ratio(books(vault_balance=Decimal("0.5"))) == Decimal("0.5000")
    assert ratio(books(in_custody=Decimal("0.33339"), vault_balance=Decimal(2))) == Decimal("0.3333")
    assert ratio(books(supply=Decimal(0))) is None


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"supply": Decimal("1.5"), "minted": Decimal("1.5")}, [BreakKind.SUPPLY_OVER_CUSTODY]),
        ({"supply": Decimal("0.9")}, [BreakKind.SUPPLY_NOT_OURS]),
        ({"vault_balance": Decimal("0.999999999")}, [BreakKind.VAULT_SHORT]),
        ({"filled": Decimal("0.5")}, [BreakKind.CUSTODY_OVER_FILLED]),
        ({"supply": Decimal(2)}, [BreakKind.SUPPLY_OVER_CUSTODY, BreakKind.SUPPLY_NOT_OURS]),
        ({"filled": Decimal(9), "vault_balance": Decimal(9)}, []),
        ({"broker_position": Decimal("0.9")}, [BreakKind.BROKER_SHORT]),
        ({"broker_position": Decimal("1.1")}, []),  # something may be under way there
        ({"broker_position": Decimal("1.1"), "is_broker_quiet": True}, [BreakKind.BROKER_OVER]),
        ({"broker_position": ONE, "is_broker_quiet": True}, []),
    ],
)
def test_each_inequality_that_fails_is_named_with_its_size(changes: dict[str, Any], kinds: list[BreakKind]) -> None:
    found = compare(books(**changes))
    assert [difference.kind for difference in found] == kinds
    assert all(difference.quantity > 0 for difference in found)


@pytest.mark.parametrize(
    ("filled", "position", "quiet", "split"),
    [
        ("8.25", "33", True, Fraction(4)),
        ("8.25", "10.3125", True, Fraction(5, 4)),
        ("8.25", "12.375", True, Fraction(3, 2)),
        ("1.01", "1.0504", True, Fraction(26, 25)),  # a stock dividend of 4 %
        ("0.333333333", "0.499999999", True, Fraction(3, 2)),  # the broker cut what has ten decimals
        ("0.333333333", "0.5", True, Fraction(3, 2)),
        ("0.25", "12.5", True, Fraction(50)),
        ("8.25", "33", False, None),  # something is under way there
        ("8.25", "33.01", True, None),
        ("8.25", "8.25", True, None),
        ("8.25", "8.2501", True, None),
        ("0.25", "2.15", True, None),  # two shares of the house's own
        ("8.25", "0.825", True, None),  # less is BROKER_SHORT: one lost bust looks like that, too
        ("0", "2", True, None),
        ("8.25", "0", True, None),
    ],
)
def test_a_split_that_nobody_announced_shows_in_the_position(
    filled: str, position: str, quiet: bool, split: Fraction | None
) -> None:
    told = books(filled=Decimal(filled), broker_position=Decimal(position), is_broker_quiet=quiet)
    assert split_of(told) == split


def test_a_ratio_is_rounded_down_and_absent_without_tokens() -> None:
    assert ratio(books(supply=Decimal(3))) == Decimal("0.3333")
    assert ratio(books(supply=Decimal(0))) is None


@pytest.mark.django_db(transaction=True)
def test_a_settled_order_leaves_a_run_whose_books_agree(world: World) -> None:
    world.until_settled(world.place())
    world.until(lambda: ReconciliationRun.objects.exists())

    run = ReconciliationRun.objects.latest("as_of")
    quarter = Decimal("0.25")
    assert (run.filled, run.in_custody, run.vault_balance >= quarter, run.minted, run.supply) == (
        *(quarter, quarter, True, quarter, quarter),
    )
    assert (Break.objects.count(), positions()[0].ratio) == (0, Decimal("1.0000"))


@pytest.mark.django_db(transaction=True)
def test_a_shortfall_opens_one_break_stops_the_asset_and_closes_when_it_is_gone(world: World) -> None:
    world.until_settled(world.place())
    vault = VaultAccount.objects.get()
    balance = empty_vault()

    refresh(now=timezone.now(), fresh=timedelta(0))
    refresh(now=timezone.now(), fresh=timedelta(0))

    shortfall = Break.objects.get()
    assert (shortfall.kind, shortfall.closed_at, Hold.objects.get().subject) == ("VAULT_SHORT", None, "asset:AAPL")
    assert any(line.startswith("no difference between the books is open") for line in world.violations())

    world.outside.custodian.control.credit(vault=vault.name, asset="AAPL", amount=str(balance))
    refresh(now=timezone.now(), fresh=timedelta(0))
    shortfall.refresh_from_db()
    assert shortfall.closed_at is not None


@pytest.mark.django_db(transaction=True)
def test_a_run_is_of_one_settled_block_and_has_the_brokers_own_position(world: World) -> None:
    world.until_settled(world.place())
    world.outside.mine(3)
    world.tick()
    refresh(now=timezone.now(), fresh=timedelta(0))

    run = ReconciliationRun.objects.latest("as_of")
    head = int(world.outside.rpc("eth_blockNumber"), 16)
    assert run.block_number == head - 11
    assert run.block_hash == world.outside.rpc("eth_getBlockByNumber", hex(run.block_number), False)["hash"]
    assert run.broker_position == Decimal("0.25")


@pytest.mark.django_db(transaction=True)
def test_a_shortfall_pauses_minting_within_one_run_until_staff_release_it(world: World, settings: Any) -> None:
    world.until_settled(world.place())
    keys = settings.ATTESTOR_KEYS_FILE
    settings.ATTESTOR_KEYS_FILE = "/nowhere"  # so that the next mint waits
    order = world.place("0.5")
    world.until(lambda: MintTx.objects.filter(order=order, unbacked_since__isnull=False).exists())
    stolen = empty_vault()

    code, said = _reconcile()
    assert (code, "the custodian's balance is below our records" in said) == (1, True)
    hold = Hold.objects.get(owner="reserves", released_at=None)
    assert (hold.subject, Break.objects.get(closed_at=None).kind) == ("asset:AAPL", "VAULT_SHORT")

    world.outside.custodian.control.credit(
        vault=VaultAccount.objects.get().name, asset=VaultAccount.objects.get().vendor_asset_id, amount=str(stolen)
    )
    assert _reconcile()[0] == 0
    settings.ATTESTOR_KEYS_FILE = keys
    for _ in range(5):
        world.tick()
    assert (MintTx.objects.get(order=order).status, world.supply()) == ("PENDING", Decimal("0.25"))

    release_by_two(Hold.objects.get(owner="reserves"))
    world.until_minted(order)
    assert (world.supply(), world.violations()) == (Decimal("0.75"), [])


@pytest.mark.django_db(transaction=True)
def test_shares_that_the_broker_has_beyond_our_fills_are_explained_once(world: World) -> None:
    world.until_settled(world.place())
    get_broker().submit(OrderRequest(client_order_id="by-hand", symbol="AAPL", quantity=Decimal("1.9")))
    world.until(lambda: get_broker().positions()["AAPL"] == Decimal("2.15"))
    refresh(now=timezone.now(), fresh=timedelta(0))
    (found,) = breaks(now=timezone.now())
    assert (found.kind, found.quantity, found.owner) == ("BROKER_OVER", Decimal("1.9"), "")
    assert Hold.objects.filter(released_at=None).count() == 0  # it is nothing that a holder could lose by

    paula, sven = staff()
    now = timezone.now()
    assign_break(break_id=found.break_id, owner=sven, actor=paula, reason="he bought them", now=now)
    assert breaks(now=now)[0].owner == "sven"
    resolve_break(break_id=found.break_id, actor=sven, reason="two shares of the house's own", now=now)
    refresh(now=timezone.now(), fresh=timedelta(0))
    assert breaks(now=now) == []
    (resolved,) = breaks(now=now, unresolved_only=False)
    assert (resolved.resolution, resolved.closed_at) == ("two shares of the house's own", now)

    get_broker().submit(OrderRequest(client_order_id="more-by-hand", symbol="AAPL", quantity=Decimal(1)))
    world.until(lambda: get_broker().positions()["AAPL"] == Decimal("3.15"))
    refresh(now=timezone.now(), fresh=timedelta(0))
    assert [(row.kind, row.quantity) for row in breaks(now=now)] == [("BROKER_OVER", Decimal("2.9"))]


@pytest.mark.django_db(transaction=True)
def test_a_position_that_a_split_explains_holds_the_asset_until_people_have_looked(world: World) -> None:
    world.until_settled(world.place())
    get_broker().submit(OrderRequest(client_order_id="like-a-split", symbol="AAPL", quantity=Decimal("0.75")))
    world.until(lambda: get_broker().positions()["AAPL"] == 1)
    refresh(now=timezone.now(), fresh=timedelta(0))
    hold = Hold.objects.get(released_at=None)
    assert (hold.subject, "4:1" in hold.reason) == ("asset:AAPL", True)

    release_by_two(hold)
    refresh(now=timezone.now(), fresh=timedelta(0))
    assert not Hold.objects.filter(released_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_what_stops_minting_is_not_explained_away_while_it_is_there(world: World) -> None:
    world.until_settled(world.place())
    empty_vault()
    refresh(now=timezone.now(), fresh=timedelta(0))
    (found,) = breaks(now=timezone.now())
    sven = staff()[1]

    with pytest.raises(BreakRefused, match="still there"):
        resolve_break(break_id=found.break_id, actor=sven, reason="it will be fine", now=timezone.now())
    for reason in ("", "  "):
        with pytest.raises(BreakRefused, match="Say why"):
            assign_break(break_id=found.break_id, owner=sven, actor=sven, reason=reason, now=timezone.now())
    assert Break.objects.get().closed_at is None

    Break.objects.update(closed_at=timezone.now())
    resolve_break(break_id=found.break_id, actor=sven, reason="the custodian put them back", now=timezone.now())
    with pytest.raises(BreakRefused, match="already"):
        resolve_break(break_id=found.break_id, actor=sven, reason="again", now=timezone.now())


@pytest.mark.django_db
def test_a_ratio_history_shows_the_lowest_of_each_stretch() -> None:
    asset, start = new_asset(), timezone.now()
    for minute, held in enumerate(["2", "2", "1", "2", "3", "3"]):
        ReconciliationRun.objects.create(
            asset=asset,
            as_of=start + timedelta(minutes=minute),
            block_number=1,
            filled=3,
            in_custody=Decimal(held),
            vault_balance=3,
            minted=2,
            supply=0 if minute == 5 else 2,
        )
    points = ratio_history(symbol="AAPL", since=start, until=start + timedelta(minutes=6), points=3)
    assert [point.ratio for point in points] == [Decimal("1.0000"), Decimal("0.5000"), Decimal("1.5000")]
    assert points[-1].at == start + timedelta(minutes=4)


def _reconcile() -> tuple[int, str]:
    said = io.StringIO()
    try:
        call_command("reconcile", stdout=said)
    except SystemExit as exit_:
        return int(exit_.code or 0), said.getvalue()
    return 0, said.getvalue()
