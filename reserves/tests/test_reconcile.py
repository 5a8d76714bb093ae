"""Three books, compared."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import Hold
from agora.tests.world import World
from custody.custodians import get_custodian
from custody.custodians.base import TransferPhase
from custody.models import VaultAccount
from reserves.models import Break, ReconciliationRun
from reserves.reconcile import Books, compare, ratio
from reserves.selectors import positions
from reserves.services import refresh
from reserves.states import BreakKind

ONE = Decimal(1)


def books(**changes: Decimal) -> Books:
    return Books(**dict.fromkeys(("filled", "in_custody", "vault_balance", "minted", "supply"), ONE) | changes)


def test_equal_books_have_no_difference() -> None:
    assert compare(books()) == []
    assert ratio(books()) == Decimal("1.0000")


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"supply": Decimal("1.5"), "minted": Decimal("1.5")}, [BreakKind.SUPPLY_OVER_CUSTODY]),
        ({"supply": Decimal("0.9")}, [BreakKind.SUPPLY_NOT_OURS]),
        ({"vault_balance": Decimal("0.999999999")}, [BreakKind.VAULT_SHORT]),
        ({"filled": Decimal("0.5")}, [BreakKind.CUSTODY_OVER_FILLED]),
        ({"supply": Decimal(2)}, [BreakKind.SUPPLY_OVER_CUSTODY, BreakKind.SUPPLY_NOT_OURS]),
        ({"filled": Decimal(9), "vault_balance": Decimal(9)}, []),
    ],
)
def test_each_inequality_that_fails_is_named_with_its_size(changes: dict[str, Decimal], kinds: list[BreakKind]) -> None:
    found = compare(books(**changes))
    assert [difference.kind for difference in found] == kinds
    assert all(difference.quantity > 0 for difference in found)


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


def empty_vault() -> Decimal:
    """Take all shares out of the vault at the custodian, behind our back; how many."""
    vault, custodian, thief = VaultAccount.objects.get(), get_custodian(), f"theft-{uuid4()}"
    balance = custodian.balance(vault_id=vault.vendor_id, asset_id=vault.vendor_asset_id)
    custodian.transfer(
        external_tx_id=thief,
        asset_id=vault.vendor_asset_id,
        quantity=balance,
        source_id=vault.vendor_id,
        destination_id=vault.inbox_vendor_id,
        note="",
    )
    while True:
        found = custodian.find_by_external_tx_id(thief)
        if found and found.phase == TransferPhase.COMPLETED:
            return balance
