"""Closing the account of somebody who bought: not while tokens are held, nor in a race with an order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from eth_account import Account

from accounts.errors import ChainUnavailable, DeletionBlocked, NotApproved, WalletNotRegistered
from accounts.models import Customer, DeletionRequest
from accounts.services import complete_deletion, erase_closed_accounts, request_deletion
from accounts.services.leaving import _close
from agora.lib.errors import VendorError
from agora.tests.rows import new_person
from agora.tests.tables import unchanged
from agora.tests.world import World
from minting import chains
from minting.receipts import check_receipt
from minting.selectors import receipt_of
from orders.models import Order

pytestmark = pytest.mark.django_db(transaction=True)

ELSEWHERE = "0x00000000000000000000000000000000000A11cE"


def asked(world: World) -> DeletionRequest:
    return request_deletion(customer=world.alice.customer, reason="", now=timezone.now())


def complete(request: DeletionRequest) -> None:
    complete_deletion(request=request, actor="staff:1", reason="as asked", now=timezone.now())


def send_all_away(world: World) -> None:
    """Alice moves her tokens to a wallet that is not hers here; anvil signs for her."""
    amount = hex(int(world.balance() * 10**18))[2:].rjust(64, "0")
    data = "0xa9059cbb" + ELSEWHERE[2:].lower().rjust(64, "0") + amount
    world.outside.rpc("anvil_impersonateAccount", world.alice.wallet)
    world.outside.rpc("anvil_setBalance", world.alice.wallet, hex(10**18))
    world.outside.rpc("eth_sendTransaction", {"from": world.alice.wallet, "to": world.token.address, "data": data})
    world.outside.rpc("anvil_stopImpersonatingAccount", world.alice.wallet)
    world.outside.mine()  # the transaction's own block may come a moment later
    assert world.balance() == 0


def test_tokens_in_a_wallet_keep_the_account_open(world: World) -> None:
    order = world.until_settled(world.place())
    request = asked(world)

    with unchanged(), pytest.raises(DeletionBlocked, match=r"The wallets hold 0\.25 AAPL-RAT\."):
        complete(request)

    send_all_away(world)
    complete(request)
    assert request.status == "CLOSED"
    assert all(check.holds for check in check_receipt(receipt_of(order_id=order.pk)))
    assert world.violations() == []


def test_the_books_stay_whole_when_the_person_is_erased(world: World) -> None:
    order = world.until_settled(world.place())
    before = receipt_of(order_id=order.pk)
    send_all_away(world)
    request = asked(world)
    complete(request)

    far = request.erase_after
    assert far is not None
    assert erase_closed_accounts(now=far) == 1

    assert receipt_of(order_id=order.pk) == before
    assert Customer.objects.get(pk=world.alice.customer.pk).full_name == ""
    assert world.violations() == []


def test_an_order_on_its_way_keeps_the_account_open(world: World) -> None:
    order = world.place()
    request = asked(world)

    with unchanged(), pytest.raises(DeletionBlocked, match="1 order is on its way"):
        complete(request)

    assert world.until_settled(order).status == "SETTLED"  # and is not stopped by the wish


def test_a_chain_that_does_not_answer_leaves_all_as_it_is(world: World, settings: Any) -> None:
    request = asked(world)
    settings.CHAIN_RPC_URLS = ["http://127.0.0.1:1"]
    chains.get_chain.cache_clear()

    with unchanged(), pytest.raises(ChainUnavailable) as refusal:
        complete(request)

    assert isinstance(refusal.value.__cause__, VendorError)
    chains.get_chain.cache_clear()


def test_an_order_and_the_closing_race_and_one_of_them_wins(world: World) -> None:
    """Either the order is there and the account open, or the account closed and no order: never both."""
    for turn in range(8):
        person = new_person(f"racer-{turn}", wallet=Account.create().address)
        request = request_deletion(customer=person.customer, reason="", now=timezone.now())
        refused = race(
            lambda p=person: world.place(person=p),
            # without the question to the chain, which would let the order win each time
            lambda r=request: _close(request=r, actor="staff:1", reason="", now=timezone.now()),
        )

        person.customer.refresh_from_db()
        orders = Order.objects.filter(customer=person.customer).count()
        assert len(refused) == 1
        assert (orders, person.customer.status) in ((1, "APPROVED"), (0, "CLOSED"))


def race(*acts: Callable[[], Any]) -> list[str]:
    """Run them at once; which refusals there were."""
    gate, refused = threading.Barrier(len(acts)), []

    def run(act: Callable[[], Any]) -> None:
        try:
            gate.wait()
            act()
        except (DeletionBlocked, NotApproved, WalletNotRegistered) as refusal:
            refused.append(type(refusal).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused
