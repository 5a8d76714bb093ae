"""The loop, turned by hand in one process, against the real chain and the vendors' SDKs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Hold
from accounts.services import release_hold
from accounts.tests.pausing import release_by_two
from agora.tests.world import World
from custody.models import CustodyRecord
from custody.services import retry_custody
from minting.chains import abi
from minting.chains.local import ADMIN
from minting.models import MintTx, Token, TxAttempt
from orders.models import BrokerMessage, Fill, Order
from orders.services import catch_up

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_bought_quarter_share_becomes_a_quarter_token(world: World) -> None:
    order = world.until_settled(world.place("0.25"))

    assert (order.filled_quantity, order.custody_quantity, order.minted_quantity) == (Decimal("0.25"),) * 3
    assert world.balance() == world.supply() == Decimal("0.25")
    assert (world.broker_orders(), world.custody_transactions(), world.minted_logs()) == (1, 1, 1)
    assert [event.to_status for event in order.events.all()] == [
        *["PENDING", "SUBMITTING", "SUBMITTED", "FILLED", "CUSTODY_CONFIRMED", "MINT_CONFIRMED", "SETTLED"]
    ]
    assert world.violations() == []


def test_the_finest_fraction_of_a_share_is_minted_exactly(world: World) -> None:
    order = world.until_minted(world.place("1.123456789"))

    assert order.filled_quantity == Decimal("1.123456789")
    assert MintTx.objects.get().amount_wei == 1_123_456_789_000_000_000
    assert world.balance() == Decimal("1.123456789")


def test_a_broker_rejection_ends_the_order_with_the_brokers_reason(world: World) -> None:
    world.outside.broker.control.scenario({"do": "reject", "status": 403}, symbol="AAPL")

    order = world.until_status(world.place(), "REJECTED")

    assert order.reason != ""
    assert (CustodyRecord.objects.count(), MintTx.objects.count(), world.supply()) == (0, 0, 0)
    assert world.violations() == []


def test_partial_fills_are_minted_once_in_one_piece(world: World) -> None:
    world.outside.broker.control.scenario(
        {"do": "fill", "qty": "0.1"}, {"do": "fill", "qty": "0.05", "after": 0.2}, {"do": "fill", "after": 0.2}
    )

    order = world.until_minted(world.place("0.25"))

    assert sorted(Fill.objects.values_list("quantity", flat=True)) == [Decimal("0.05"), Decimal("0.1"), Decimal("0.1")]
    assert order.filled_quantity == world.balance() == Decimal("0.25")
    assert MintTx.objects.count() == world.minted_logs() == 1
    assert "PARTIALLY_FILLED" in {event.to_status for event in order.events.all()}
    assert world.violations() == []


def test_a_cancel_after_a_partial_fill_mints_the_filled_part_only(world: World) -> None:
    world.outside.broker.control.scenario({"do": "fill", "qty": "0.1"}, {"do": "cancel", "after": 0.1})

    order = world.until_minted(world.place("0.25"))

    assert (order.broker_status, order.filled_quantity) == ("canceled", Decimal("0.1"))
    assert world.balance() == Decimal("0.1")
    assert world.violations() == []


def test_a_fill_after_the_cancel_mints_the_difference(world: World) -> None:
    world.outside.broker.control.scenario({"do": "fill", "qty": "0.1"}, {"do": "cancel", "after": 0.1})
    order = world.until_minted(world.place("0.25"))

    world.outside.broker.control.order(order.broker_order_id, "fill", qty="0.07")
    catch_up(now=timezone.now())
    order = world.until_minted(order)
    world.until(lambda: world.balance() == Decimal("0.17"))

    assert sorted(MintTx.objects.values_list("mint_key", flat=True)) == [
        f"alpaca:{order.broker_order_id}:1",
        f"alpaca:{order.broker_order_id}:2",
    ]
    assert sorted(MintTx.objects.values_list("amount_wei", flat=True)) == [7 * 10**16, 10**17]
    order = world.until_settled(order)
    assert (order.filled_quantity, world.supply(), world.violations()) == (Decimal("0.17"), Decimal("0.17"), [])


def test_a_cancel_before_any_fill_mints_nothing_until_a_fill_crosses_it(world: World) -> None:
    world.outside.broker.control.scenario({"do": "cancel"})
    order = world.until_status(world.place("0.25"), "CANCELLED")
    assert (world.supply(), CustodyRecord.objects.count()) == (0, 0)

    world.outside.broker.control.order(order.broker_order_id, "fill", qty="0.25")
    catch_up(now=timezone.now())
    order = world.until_minted(order)

    assert world.balance() == Decimal("0.25")
    assert world.violations() == []


def test_a_fill_listed_long_before_its_order_was_known_is_listed_again(world: World) -> None:
    world.outside.broker.control.scenario({"do": "fill"}, {"do": "drop", "when": "after"})
    order = world.place()
    world.run_tasks()  # the broker takes it, and breaks off
    world.outside.broker.control.log("effect", effect="fill")
    catch_up(now=timezone.now() + timedelta(minutes=10))  # moves the cursor far beyond the fill

    world.until_minted(order)

    assert (world.balance(), world.violations()) == (Decimal("0.25"), [])


def test_a_failed_transfer_holds_the_order_and_a_new_attempt_completes_it(world: World) -> None:
    world.outside.custodian.control.scenario(
        match={"operation": "TRANSFER"}, fail={"status": "FAILED", "sub_status": "SIGNING_ERROR"}, times=1
    )
    order = world.place()
    world.until(lambda: CustodyRecord.objects.filter(status="FAILED").exists())
    record = CustodyRecord.objects.get()
    burned = record.external_tx_id
    assert Hold.objects.filter(subject=f"order:{order.pk}", released_at=None).count() == 1

    retry_custody(record_id=record.pk, actor="staff:1", reason="the custodian asked for it", now=timezone.now())
    world.until_minted(order)

    record.refresh_from_db()
    assert (record.attempt, record.external_tx_id != burned) == (2, True)
    assert world.balance() == Decimal("0.25")
    assert world.violations() == []


def test_an_unknown_broker_status_is_kept_and_shown_and_does_not_stop_the_order(world: World) -> None:
    world.outside.broker.control.scenario({"do": "hold"})
    order = world.until_status(world.place(), "SUBMITTED")

    world.outside.broker.control.order(order.broker_order_id, "status", status="teleported")
    world.tick()
    order.refresh_from_db()
    assert (order.status, order.broker_status) == ("SUBMITTED", "teleported")
    assert BrokerMessage.objects.filter(outcome="UNKNOWN").count() == 1

    world.outside.broker.control.order(order.broker_order_id, "fill")
    world.until_minted(order)
    assert world.violations() == []


def test_ten_orders_at_once_use_ten_nonces_in_a_row(world: World) -> None:
    orders = [world.place("0.1", person=person) for person in (world.alice, world.bob) * 5]

    for order in orders:
        world.until_minted(order)

    nonces = sorted(TxAttempt.objects.values_list("nonce", flat=True))
    assert nonces == list(range(nonces[0], nonces[0] + 10))
    assert (world.balance(world.alice), world.balance(world.bob)) == (Decimal("0.5"), Decimal("0.5"))
    assert Order.objects.filter(status="MINT_CONFIRMED").count() == 10
    assert world.violations() == []


def test_a_signature_by_another_key_is_not_broadcast_and_holds_the_order(world: World) -> None:
    world.outside.custodian.control.scenario(match={"operation": "RAW"}, signature="wrong_key", times=1)

    order = world.place()
    world.until(lambda: Hold.objects.filter(owner="minting-guard").exists())
    for _ in range(3):
        world.tick()

    assert (Hold.objects.get().subject, MintTx.objects.get().status) == (f"order:{order.pk}", "SIMULATED")
    assert (TxAttempt.objects.get().request, world.supply()) == (1, 0)
    assert world.violations() == []


def test_a_refused_signature_is_asked_for_again_under_a_new_id_and_the_same_nonce(world: World) -> None:
    world.outside.custodian.control.scenario(
        match={"operation": "RAW"}, fail={"status": "FAILED", "sub_status": "SIGNING_ERROR"}, times=1
    )

    world.until_minted(world.place())

    attempt = TxAttempt.objects.get()
    assert (attempt.request, attempt.request_id.endswith("-2")) == (2, True)
    assert (world.balance(), world.violations()) == (Decimal("0.25"), [])


def test_a_mint_the_chain_refuses_waits_held_and_goes_on_when_released(world: World) -> None:
    _as_admin(world, abi.encode_call("setMinterAllowance", world.token.minter, 0))

    order = world.place()
    world.until(lambda: Hold.objects.filter(owner="minting-guard").exists())
    assert (MintTx.objects.get().status, "MinterAllowanceExceeded" in Hold.objects.get().reason) == ("PENDING", True)

    _as_admin(world, abi.encode_call("setMinterAllowance", world.token.minter, 10**24))
    release_hold(subject=f"order:{order.pk}", owner="minting-guard", actor="staff:1", now=timezone.now())
    world.until_minted(order)

    assert (world.balance(), world.violations()) == (Decimal("0.25"), [])


def test_no_more_is_promised_than_is_held(world: World) -> None:
    world.outside.custodian.control.scenario(match={"operation": "TRANSFER"}, hold="QUEUED")
    order = world.until_status(world.place(), "FILLED")
    world.until(lambda: CustodyRecord.objects.filter(status="SUBMITTED").exists())
    Token.objects.update(committed_wei=10**18)  # as if another process had promised a share meanwhile

    world.outside.custodian.control.release(CustodyRecord.objects.get().external_tx_id)
    world.until(lambda: Hold.objects.filter(subject="asset:AAPL").exists())

    assert (MintTx.objects.count(), world.supply()) == (0, 0)
    Token.objects.update(committed_wei=0)
    release_by_two(Hold.objects.get(subject="asset:AAPL"))
    world.until_minted(order)
    assert (world.balance(), world.violations()) == (Decimal("0.25"), [])


def _as_admin(world: World, data: str) -> None:
    world.outside.rpc("anvil_impersonateAccount", ADMIN)
    world.outside.rpc("eth_sendTransaction", {"from": ADMIN, "to": world.token.address, "data": data})
    world.outside.mine()
