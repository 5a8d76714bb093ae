"""Mints that get into no block: too cheap, forgotten, overtaken, without gas, or with a nonce that is not theirs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import ProgrammingError, transaction
from django.utils import timezone

from accounts.models import Hold
from accounts.tests.pausing import release_by_two
from agora.tests.world import WALLETS, World
from minting.chains import abi, get_chain
from minting.chains.local import DEPLOYER_KEY
from minting.chains.operator import Call, Operator
from minting.models import ForeignNonce, MintTx, Token, TxAttempt
from minting.services import look_at_budgets, observe_mint
from minting.services.registering import NO_FEED

pytestmark = pytest.mark.django_db(transaction=True)
GWEI = 10**9


@pytest.fixture
def world(world: World) -> Iterator[World]:
    """Without a reserve gate, and no block before it is asked for."""
    no_gate = Call(to=world.token.address, data=abi.encode_call("setReserveFeed", NO_FEED, 0, 0))
    Operator(get_chain(), DEPLOYER_KEY).send([no_gate])
    Token.objects.update(reserve_feed="", reserve_feed_code_hash="")
    world.outside.rpc("evm_setAutomine", False)
    balance = world.outside.rpc("eth_getBalance", world.token.minter, "latest")
    yield world
    world.outside.rpc("anvil_dropAllTransactions")
    world.outside.rpc("anvil_setBalance", world.token.minter, balance)
    _set_base_fee(world, GWEI)


def sent(world: World) -> MintTx:
    """A mint in the pool, and in no block."""
    world.place()
    world.until(lambda: MintTx.objects.filter(status="SENT").exists())
    return MintTx.objects.get()


def observe(mint: MintTx, *, later: float = 0.0) -> None:
    now = timezone.now() + timedelta(seconds=later)
    MintTx.objects.filter(pk=mint.pk).update(next_attempt_at=now)
    observe_mint(mint_id=mint.pk, now=now)


def bids() -> list[tuple[int, int]]:
    rows = TxAttempt.objects.order_by("nonce", "bump")
    return [(int(row.max_fee_per_gas), int(row.max_priority_fee_per_gas)) for row in rows]


def confirmed(world: World) -> MintTx:
    world.outside.mine()
    world.until(lambda: MintTx.objects.filter(status="CONFIRMED").exists())
    return MintTx.objects.get()


def test_a_mint_that_waits_too_long_is_offered_at_a_higher_price_and_lands_once(world: World) -> None:
    mint = sent(world)
    observe(mint)
    assert len(bids()) == 1, "it has not waited long"

    observe(mint, later=31)
    first, second = TxAttempt.objects.order_by("bump")

    assert (second.nonce, second.bump, second.gas) == (first.nonce, 1, first.gas)
    assert second.max_fee_per_gas * 8 >= first.max_fee_per_gas * 9
    assert second.max_priority_fee_per_gas * 8 >= first.max_priority_fee_per_gas * 9
    transactions = [world.outside.rpc("eth_getTransactionByHash", row.tx_hash) for row in (first, second)]
    assert transactions[0] is None, "replaced"
    assert (transactions[1]["input"], int(transactions[1]["nonce"], 16)) == (_calldata(world, mint), first.nonce)
    assert confirmed(world).tx_hash == second.tx_hash
    assert (world.balance(), world.minted_logs(), world.violations()) == (Decimal("0.25"), 1, [])


def test_of_two_bids_the_earlier_may_be_mined_and_is_recognised(world: World) -> None:
    mint = sent(world)
    raw = TxAttempt.objects.get().raw
    observe(mint, later=31)
    world.outside.rpc("anvil_dropAllTransactions")
    world.outside.rpc("eth_sendRawTransaction", "0x" + bytes(raw or b"").hex())

    assert confirmed(world).tx_hash == TxAttempt.objects.get(bump=0).tx_hash
    assert TxAttempt.objects.count() == 2
    assert (world.minted_logs(), world.violations()) == (1, [])


def test_a_mint_that_the_pool_forgot_is_sent_again_with_the_same_bytes(world: World) -> None:
    mint = sent(world)
    world.outside.rpc("anvil_dropAllTransactions")

    observe(mint)

    assert len(bids()) == 1
    assert confirmed(world).tx_hash == TxAttempt.objects.get().tx_hash


def test_a_base_fee_that_overtakes_a_mint_is_outbid_at_once_and_the_cap_waited_for(world: World, settings: Any) -> None:
    settings.CHAIN_MAX_FEE_WEI = 40 * GWEI
    mint = sent(world)
    _set_base_fee(world, 50 * GWEI)
    observe(mint)
    assert len(bids()) == 1, "above the cap it waits"
    assert (MintTx.objects.get().status, Hold.objects.count()) == ("SENT", 0)

    _set_base_fee(world, 15 * GWEI)
    observe(mint)

    assert [fee for fee, _ in bids()][1] >= 15 * GWEI
    assert confirmed(world).tx_hash == TxAttempt.objects.get(bump=1).tx_hash
    assert (world.minted_logs(), world.violations()) == (1, [])


def test_no_mint_is_begun_while_the_base_fee_is_above_the_cap(world: World, settings: Any) -> None:
    settings.CHAIN_MAX_FEE_WEI = 20 * GWEI
    _set_base_fee(world, 30 * GWEI)
    world.place()
    world.until(lambda: MintTx.objects.filter(status="SIMULATED").exists())
    for _ in range(3):
        world.tick()
    assert (TxAttempt.objects.count(), Hold.objects.count()) == (0, 0), "no nonce is taken"

    _set_base_fee(world, GWEI)
    world.until(lambda: MintTx.objects.filter(status="SENT").exists())

    assert bids()[0][0] <= 20 * GWEI


def test_a_bid_asks_for_a_new_signature_under_an_id_of_its_own(world: World) -> None:
    mint = sent(world)
    world.outside.custodian.control.settings(raw_seconds=60.0)
    observe(mint, later=31)
    waiting = TxAttempt.objects.get(bump=1)
    assert (waiting.raw, MintTx.objects.get().status) == (None, "SENT")

    observe(mint, later=63)
    assert TxAttempt.objects.count() == 2, "the one that waits for its signature is not outbid"
    assert len({row.request_id for row in TxAttempt.objects.all()}) == 2
    assert confirmed(world).tx_hash == TxAttempt.objects.get(bump=0).tx_hash
    assert world.violations() == []


def test_while_it_is_held_a_mint_is_not_signed_again(world: World) -> None:
    mint = sent(world)
    Hold.objects.create(subject=f"order:{mint.order_id}", owner="test", reason="why", placed_at=timezone.now())

    observe(mint, later=31)

    assert len(bids()) == 1


def test_a_signer_without_gas_waits_and_goes_on_when_it_has_some(world: World) -> None:
    balance = world.outside.rpc("eth_getBalance", world.token.minter, "latest")
    world.outside.rpc("anvil_setBalance", world.token.minter, "0x1")
    world.place()
    world.until(lambda: MintTx.objects.filter(status="SENT").exists())
    mint = MintTx.objects.get()
    observe(mint, later=31)
    assert (len(bids()), Hold.objects.count()) == (1, 0), "a higher bid would make it worse"

    world.outside.rpc("anvil_setBalance", world.token.minter, balance)
    observe(mint)

    assert confirmed(world).tx_hash == TxAttempt.objects.get().tx_hash


def test_a_nonce_that_somebody_else_used_is_an_alarm_and_the_mint_begins_anew_after_two_people(world: World) -> None:
    mint = sent(world)
    spent = TxAttempt.objects.get()
    world.outside.rpc("anvil_dropAllTransactions")
    _use_key(world)
    world.tick()
    observe(mint)
    assert (MintTx.objects.get().status, ForeignNonce.objects.count()) == ("SENT", 0), "it is not final yet"

    world.outside.mine(12)
    world.tick()
    observe(mint)

    spent.refresh_from_db()
    assert (MintTx.objects.get().status, spent.superseded_at is None) == ("PENDING", False)
    assert ForeignNonce.objects.get().nonce == spent.nonce
    held = Hold.objects.get(owner="signer-guard")
    assert held.subject == "minting:AAPL"
    for _ in range(3):
        world.tick()
    assert TxAttempt.objects.count() == 1, "nothing is signed before two people have looked"

    release_by_two(held)
    world.until(lambda: MintTx.objects.filter(status="SENT").exists())
    confirmed(world)
    assert [row.nonce for row in TxAttempt.objects.order_by("nonce")] == [spent.nonce, spent.nonce + 1]
    assert (world.balance(), world.minted_logs(), world.violations()) == (Decimal("0.25"), 1, [])


def test_a_key_that_was_used_while_nothing_was_minted_is_an_alarm_before_the_next_nonce(world: World) -> None:
    first = sent(world)
    confirmed(world)
    _use_key(world)
    world.outside.mine(12)
    world.tick()

    look_at_budgets(publishers=[], now=timezone.now())

    assert [row.nonce for row in ForeignNonce.objects.all()] == [TxAttempt.objects.get().nonce + 1]
    assert Hold.objects.get(owner="signer-guard").subject == "minting:AAPL"
    assert MintTx.objects.get().pk == first.pk
    assert world.violations() == []


def test_the_database_refuses_a_replacement_that_does_not_outbid(world: World) -> None:
    sent(world)
    first = TxAttempt.objects.get()
    fields = {f.attname: getattr(first, f.attname) for f in TxAttempt._meta.fields}
    fields |= {"raw": None, "tx_hash": "", "signed_at": None, "bump": 1}
    fee, tip = int(first.max_fee_per_gas), int(first.max_priority_fee_per_gas)
    enough = {"max_fee_per_gas": -(-fee * 9 // 8), "max_priority_fee_per_gas": -(-tip * 9 // 8)}

    for number, change in enumerate(
        [
            {"max_fee_per_gas": fee * 9 // 8 - 1},
            {"max_priority_fee_per_gas": tip + 1},
            {"gas": first.gas + 1},
            {"bump": 2},
        ]
    ):
        with pytest.raises(ProgrammingError, match="outbid"), transaction.atomic():
            _insert({**fields, **enough, "id": None, "request_id": f"r{number}", **change})
    _insert({**fields, **enough, "id": None, "request_id": "r"})
    assert TxAttempt.objects.count() == 2


def _insert(fields: dict[str, Any]) -> None:
    del fields["id"]
    TxAttempt.objects.create(**fields)


def _use_key(world: World) -> None:
    world.outside.rpc("anvil_impersonateAccount", world.token.minter)
    transaction = {"from": world.token.minter, "to": WALLETS[0], "value": "0x1", "gas": hex(30_000)}
    world.outside.rpc("eth_sendTransaction", transaction)
    world.outside.mine()


def _set_base_fee(world: World, wei: int) -> None:
    """Of the latest block and of the one to come."""
    for _ in range(2):
        world.outside.rpc("anvil_setNextBlockBaseFeePerGas", hex(wei))
        world.outside.mine()
    world.outside.rpc("anvil_setNextBlockBaseFeePerGas", hex(wei))


def _calldata(world: World, mint: MintTx) -> str:
    return abi.encode_call("mint", mint.recipient, int(mint.amount_wei), mint.mint_key)
