"""The watcher, on a chain that misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from eth_account import Account

from accounts.errors import OnHold
from accounts.models import Hold
from accounts.tests.pausing import release_by_two
from agora.lib import anvil
from agora.tests.outside import Outside
from agora.tests.world import WALLETS, World
from minting.chains import abi, get_chain
from minting.chains.base import Header, MintedLog
from minting.chains.local import DEPLOYER_KEY
from minting.chains.operator import Call, Operator
from minting.models import Block, FinalBlock, ForeignMint, MintEvent, MintTx, Reorg, Token, TxAttempt
from minting.sandbox import process
from minting.services import advance_mint, observe_mint, watch_chain_once, watching
from minting.services.registering import NO_FEED
from orders.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def outside(outside: Outside) -> Iterator[Outside]:
    """On a chain of its own: a deep reorg must not reach what another test sent, whose rows are gone; and after a
    thousand blocks anvil 1.7.1 comes out of one in a state that it never was in."""
    with anvil.running() as chain_url:
        yield replace(outside, chain_url=chain_url)


@pytest.fixture
def world(world: World) -> World:
    """Without a reserve gate: a reorg takes reports away, too, and that is another story (reserves/tests)."""
    no_gate = Call(to=world.token.address, data=abi.encode_call("setReserveFeed", NO_FEED, 0, 0))
    operator = Operator(get_chain(), DEPLOYER_KEY)
    operator.send([no_gate])
    operator.send([Call(to=WALLETS[0], value_wei=1)])  # the block before a mint, which a reorg takes away, too
    Token.objects.update(reserve_feed="", reserve_feed_code_hash="")
    return world


@pytest.fixture
def slow_finality(world: World, tmp_path: Path, settings: Any) -> Iterator[None]:
    """No block is final: on the local chain the ninth makes the first so, far quicker than on any real one."""
    with process.running(tmp_path, upstream=world.outside.chain_url) as node:
        node.control.settings(lies=["not_final"])
        settings.CHAIN_RPC_URLS = [node.url]
        get_chain.cache_clear()
        yield
    get_chain.cache_clear()


def test_a_mint_that_a_reorg_removed_is_sent_again_with_the_same_bytes(world: World) -> None:
    order = world.until_minted(world.place())
    first = MintTx.objects.get()

    world.outside.rpc("anvil_reorg", 1, [])
    assert world.supply() == 0
    world.until(lambda: Reorg.objects.exists() and MintTx.objects.filter(status="CONFIRMED").exists())

    again = MintTx.objects.get()
    assert again.tx_hash == first.tx_hash
    assert again.block_hash != first.block_hash
    assert TxAttempt.objects.count() == 1
    assert [event.to_status for event in again.events.all()][-3:] == ["CONFIRMED", "SENT", "CONFIRMED"]
    order.refresh_from_db()
    assert (order.status, order.mint_tx_hash) == ("MINT_CONFIRMED", first.tx_hash)
    assert (world.balance(), world.minted_logs(), world.violations()) == (Decimal("0.25"), 1, [])


def test_between_a_reorg_and_the_new_block_the_order_is_back_in_custody(world: World) -> None:
    order = world.until_minted(world.place())
    world.outside.rpc("evm_setAutomine", False)

    world.outside.rpc("anvil_reorg", 1, [])
    while watch_chain_once(now=timezone.now()):
        pass

    order.refresh_from_db()
    assert (order.status, order.minted_quantity, order.mint_tx_hash) == ("CUSTODY_CONFIRMED", 0, "")
    assert MintTx.objects.get().status == "SENT"
    assert world.violations() == []


def test_a_settled_mint_that_a_deep_reorg_removed_comes_back(world: World, slow_finality: None) -> None:
    order = world.until_settled(world.place())

    world.outside.rpc("anvil_reorg", 13, [])
    world.until(lambda: Reorg.objects.exists())
    order = world.until_minted(order)
    world.outside.mine(11)
    order = world.until_status(order, "SETTLED")

    assert Reorg.objects.get().depth == 13
    assert [event.to_status for event in order.events.all()][-4:] == [
        *["MINT_CONFIRMED", "CUSTODY_CONFIRMED", "MINT_CONFIRMED", "SETTLED"]
    ]
    assert (world.supply(), world.minted_logs(), world.violations()) == (Decimal("0.25"), 1, [])


def test_a_reorg_below_a_final_block_stops_everything(world: World) -> None:
    world.until_settled(world.place())
    world.until(lambda: MintTx.objects.get().status == "FINALIZED")

    world.outside.rpc("anvil_reorg", 13, [])
    world.until(lambda: Reorg.objects.exists())

    assert Hold.objects.get(owner="chain-watcher").subject == "everything"
    assert MintTx.objects.get().status == "FINALIZED"


def test_a_reorg_below_a_final_block_stops_everything_though_no_mint_stood_there(world: World) -> None:
    world.outside.mine(4)
    Operator(get_chain(), DEPLOYER_KEY).send(
        [Call(to=WALLETS[0], value_wei=1)]
    )  # empty blocks would come back the same
    world.outside.mine(15)
    world.until(lambda: FinalBlock.objects.exists())

    world.outside.rpc("anvil_reorg", 16, [])
    world.until(lambda: Reorg.objects.exists())

    hold = Hold.objects.get(owner="chain-watcher")
    assert hold.subject == "everything"
    with pytest.raises(OnHold):
        world.place()
    release_by_two(hold)
    world.until_minted(world.place())


def test_a_node_that_is_behind_on_the_same_chain_undoes_nothing(world: World, tmp_path: Path, settings: Any) -> None:
    with process.running(tmp_path, upstream=world.outside.chain_url) as node:
        settings.CHAIN_RPC_URLS = [node.url]
        get_chain.cache_clear()
        order = world.until_minted(world.place())

        node.control.settings(lag=2)
        for _ in range(3):
            world.tick()

        order.refresh_from_db()
        assert (order.status, Reorg.objects.count()) == ("MINT_CONFIRMED", 0)
    get_chain.cache_clear()


@pytest.mark.parametrize("depth", [1, 3, 8, 20])
def test_reorgs_of_any_depth_remove_and_move_mints_and_each_is_minted_once(
    world: World, slow_finality: None, depth: int
) -> None:
    """Under two mints, at both ends of what leaves the chain: removed, or (depth 3) one of them moved."""
    first = world.until_minted(world.place())
    raws = [bytes(attempt.raw or b"") for attempt in TxAttempt.objects.all()]
    if depth > 1:
        world.outside.mine(depth - 2)
        second = world.until_minted(world.place("0.5"))

    world.outside.rpc("anvil_reorg", depth, [["0x" + raws[0].hex(), 1]] if depth == 3 else [])
    world.until(lambda: Reorg.objects.exists())
    world.until_minted(first)
    if depth > 1:
        world.until_minted(second)

    assert Reorg.objects.get().depth == depth
    assert (world.minted_logs(), world.violations()) == (1 if depth == 1 else 2, [])


def test_a_mint_moved_to_another_block_is_confirmed_there(world: World) -> None:
    world.until_minted(world.place())
    mint, raw = MintTx.objects.get(), bytes(TxAttempt.objects.get().raw or b"")

    world.outside.rpc("anvil_reorg", 2, [["0x" + raw.hex(), 1]])
    world.until(lambda: Reorg.objects.exists() and MintTx.objects.filter(status="CONFIRMED").exists())

    moved = MintTx.objects.get()
    assert (moved.tx_hash, moved.block_hash != mint.block_hash) == (mint.tx_hash, True)
    assert (world.minted_logs(), world.violations()) == (1, [])


def test_a_mint_settles_at_its_twelfth_block_and_not_before(world: World) -> None:
    order = world.until_minted(world.place())
    mint = MintTx.objects.get()

    world.outside.mine(10)
    world.tick()
    assert MintTx.objects.get().status == "CONFIRMED"

    world.outside.mine(1)
    world.tick()
    order.refresh_from_db()
    assert (MintTx.objects.get().status in ("SETTLED", "FINALIZED"), order.status) == (True, "SETTLED")
    assert Block.objects.order_by("-number").values_list("number", flat=True)[0] == (mint.block_number or 0) + 11


def test_a_mint_is_final_when_the_chain_says_so(world: World) -> None:
    world.until_settled(world.place())

    world.outside.mine(4)
    world.until(lambda: MintTx.objects.get().status == "FINALIZED")

    assert world.violations() == []


def test_many_mints_are_taken_in_a_few_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PORTION", 2)
    for number in range(5):
        world.place("0.01", client_order_id=str(number))
    world.until(lambda: MintTx.objects.filter(status="CONFIRMED").count() == 5)

    world.outside.mine(20)
    world.tick()

    assert {mint.status for mint in MintTx.objects.all()} <= {"SETTLED", "FINALIZED"}
    assert MintEvent.objects.filter(to_status="SETTLED").count() == 5
    assert world.violations() == []


@pytest.mark.parametrize(
    ("logs", "portions"),
    [
        ([0, 0, 0], [[1, 2, 3]]),
        ([4, 4, 1], [[1, 2], [3]]),
        ([9, 0, 0], [[1], [2, 3]]),
        ([1, 9, 1], [[1], [2], [3]]),
    ],
)
def test_blocks_are_taken_in_whole(logs: list[int], portions: list[list[int]]) -> None:
    headers = [Header(number=number, hash=f"{number}", parent_hash="", timestamp=0) for number in (1, 2, 3)]
    entries = [_log_in(header.number) for header, count in zip(headers, logs, strict=True) for _ in range(count)]

    found = list(watching._portions(headers, entries))

    assert [[header.number for header in blocks] for blocks, _ in found] == portions
    assert [entry for _, mints in found for entry in mints] == entries
    assert all(entry.block_number in {header.number for header in blocks} for blocks, mints in found for entry in mints)


def _log_in(block: int) -> MintedLog:
    said = {"contract": "", "mint_key": "", "to": "", "tx_hash": "", "block_hash": f"{block}"}
    return MintedLog(**said, amount_wei=1, log_index=0, block_number=block)


def test_a_mint_that_nobody_promised_is_kept_and_stops_the_asset(world: World) -> None:
    world.until_minted(world.place())
    outlaw = Account.from_key(DEPLOYER_KEY)
    role = world.outside.rpc("eth_call", {"to": world.token.address, "data": "0xd5391393"}, "latest")  # MINTER_ROLE()
    grant = "0x2f2ff15d" + role[2:] + outlaw.address[2:].lower().rjust(64, "0")  # grantRole(bytes32,address)
    _send(world, outlaw.address, grant)
    _send(world, outlaw.address, abi.encode_call("setMinterAllowance", outlaw.address, 10**18))
    _send(world, outlaw.address, abi.encode_call("mint", WALLETS[0], 10**18, "stolen"))

    world.until(lambda: ForeignMint.objects.exists())

    assert ForeignMint.objects.get().mint_key == "stolen"
    assert Hold.objects.get(owner="chain-watcher").subject == "asset:AAPL"
    assert any(line.startswith("no mint on-chain without a row") for line in world.violations())


def test_a_mint_that_reverted_is_tried_again_with_the_next_nonce(world: World) -> None:
    order = _reverted(world)
    world.outside.rpc("evm_setAutomine", True)

    mint = MintTx.objects.get()
    _observe(mint)
    world.until_minted(order)

    first, second = TxAttempt.objects.order_by("nonce")
    assert (first.reverted_at is None, second.reverted_at is None) == (False, True)
    assert second.nonce == first.nonce + 1
    assert (world.balance(), world.minted_logs(), world.violations()) == (Decimal("0.25"), 1, [])


@pytest.mark.parametrize("signing_takes", [0.0, 3.0], ids=["sent", "not yet signed"])
def test_a_revert_that_a_reorg_made_a_mint_leaves_no_hole_in_the_nonces(world: World, signing_takes: float) -> None:
    """The next nonce was given out meanwhile: its mint is done, and yet nothing above it is mined without it."""
    first = _reverted(world)
    reverted = TxAttempt.objects.get()
    world.outside.custodian.control.settings(raw_seconds=signing_takes)
    mint = MintTx.objects.get()
    _observe(mint)
    advance_mint(mint_id=mint.pk, now=timezone.now())

    world.outside.rpc("anvil_reorg", 3, [["0x" + bytes(reverted.raw or b"").hex(), 0]])
    world.outside.rpc("anvil_dropAllTransactions")
    while watch_chain_once(now=timezone.now()):
        pass
    anew = TxAttempt.objects.get(nonce=reverted.nonce + 1)
    assert (MintTx.objects.get().tx_hash, anew.raw is None) == (reverted.tx_hash, signing_takes > 1)
    world.until_minted(first)
    world.outside.rpc("evm_setAutomine", True)
    world.until_minted(world.place("0.5"))

    mined = int(world.outside.rpc("eth_getTransactionCount", world.token.minter, "latest"), 16)
    assert mined == reverted.nonce + 3
    assert (world.supply(), world.minted_logs(), world.violations()) == (Decimal("0.75"), 2, [])


def test_a_revert_that_a_reorg_made_a_mint_and_a_second_reorg_took_is_minted_all_the_same(world: World) -> None:
    order = _reverted(world)
    _observe(MintTx.objects.get())
    (attempt,) = TxAttempt.objects.all()
    assert attempt.reverted_at is not None

    world.outside.rpc("anvil_reorg", 3, [["0x" + bytes(attempt.raw or b"").hex(), 0]])
    while watch_chain_once(now=timezone.now()):
        pass
    assert MintTx.objects.get().status == "CONFIRMED"
    world.outside.rpc("anvil_reorg", 3, [])
    world.outside.rpc("anvil_dropAllTransactions")
    while watch_chain_once(now=timezone.now()):
        pass
    assert MintTx.objects.get().status == "SENT"

    world.outside.rpc("evm_setAutomine", True)
    world.until_minted(order)
    assert (world.balance(), world.minted_logs(), world.violations()) == (Decimal("0.25"), 1, [])


def test_a_node_without_the_receipt_does_not_make_our_own_mint_anothers(
    world: World, tmp_path: Path, settings: Any
) -> None:
    """The key is used, by bytes of ours that had reverted; the node that is asked has no receipt in that moment."""
    order = _reverted(world)
    _observe(MintTx.objects.get())
    (attempt,) = TxAttempt.objects.all()
    world.outside.rpc("anvil_reorg", 3, [["0x" + bytes(attempt.raw or b"").hex(), 0]])
    with process.running(tmp_path, upstream=world.outside.chain_url) as node:
        node.control.settings(lies=["no_receipt"])
        settings.CHAIN_RPC_URLS = [node.url]
        get_chain.cache_clear()
        advance_mint(mint_id=MintTx.objects.get().pk, now=timezone.now())
    settings.CHAIN_RPC_URLS = [world.outside.chain_url]
    get_chain.cache_clear()
    assert MintTx.objects.get().status == "PENDING"

    world.outside.rpc("evm_setAutomine", True)
    world.until_minted(order)
    assert ForeignMint.objects.count() == 0
    assert (world.balance(), world.minted_logs(), world.violations()) == (Decimal("0.25"), 1, [])


@pytest.mark.parametrize("reorg", [False, True])
def test_a_third_revert_holds_the_order_unless_a_reorg_explains_them(world: World, reorg: bool) -> None:
    order = _reverted(world)
    _observe(MintTx.objects.get())
    for _ in range(2):
        world.until(lambda: MintTx.objects.filter(status="SENT").exists())
        _mine_a_revert(world)
        if reorg:
            chain_id = world.token.chain_id
            Reorg.objects.create(chain_id=chain_id, ancestor=0, depth=1, mints=0, dropped=[], seen_at=timezone.now())
        _observe(MintTx.objects.get())

    assert TxAttempt.objects.exclude(reverted_at=None).count() == 3
    assert Hold.objects.filter(subject=f"order:{order.pk}", owner="minting-guard").exists() is not reorg


def _reverted(world: World) -> Order:
    """An order whose mint was mined just when the minter had lost its role, which it has again: three blocks."""
    world.outside.rpc("evm_setAutomine", False)
    order = world.place()
    world.until(lambda: MintTx.objects.filter(status="SENT").exists())
    _mine_a_revert(world)
    return order


def _mine_a_revert(world: World) -> None:
    minter = world.token.minter
    role = world.outside.rpc("eth_call", {"to": world.token.address, "data": "0xd5391393"}, "latest")
    admin = Account.from_key(DEPLOYER_KEY).address
    revoke, grant = "0xd547741f", "0x2f2ff15d"
    argument = role[2:] + minter[2:].lower().rjust(64, "0")
    bid = {"maxFeePerGas": hex(10**12), "maxPriorityFeePerGas": hex(10**11)}  # ahead of the mint in its block
    world.outside.rpc("anvil_impersonateAccount", admin)
    transaction = {"from": admin, "to": world.token.address, "data": revoke + argument, "gas": hex(200_000), **bid}
    world.outside.rpc("eth_sendTransaction", transaction)
    world.outside.mine()
    assert world.supply() == 0
    _send(world, admin, grant + argument)
    _send(world, admin, abi.encode_call("setMinterAllowance", minter, 10**18))  # it fell to zero with the role


def _observe(mint: MintTx) -> None:
    MintTx.objects.filter(pk=mint.pk).update(next_attempt_at=timezone.now())
    observe_mint(mint_id=mint.pk, now=timezone.now())


def _send(world: World, sender: str, data: str) -> None:
    world.outside.rpc("anvil_impersonateAccount", sender)
    transaction = {"from": sender, "to": world.token.address, "data": data, "gas": hex(300_000)}
    sent = world.outside.rpc("eth_sendTransaction", transaction)
    world.outside.mine()
    assert world.outside.rpc("eth_getTransactionReceipt", sent)["status"] == "0x1"
