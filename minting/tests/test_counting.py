"""Who holds what, added up from Transfer logs on a real chain."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account

from agora.lib.errors import Unavailable
from agora.tests.world import WALLETS, World
from minting.chains.evm import EvmChain
from minting.errors import HoldersDisagree, NothingFinal
from minting.models import HolderBalance, HolderScan
from minting.services import count_holders, counting
from minting.tests.chain_fixtures import MINTER_KEY as ALICE_KEY  # anvil's account 1 is alice's wallet

pytestmark = pytest.mark.django_db(transaction=True)
ALICE, BOB = WALLETS
TENTH = 10**17


def test_holders_are_who_was_minted_to_and_their_sum_is_the_supply(world: World) -> None:
    world.until_settled(world.place("0.2"))
    world.until_settled(world.place("0.3", person=world.bob))

    count = count_holders(symbol="AAPL")

    assert list(count.balances) == sorted([(ALICE, 2 * TENTH), (BOB, 3 * TENTH)])
    assert count.supply_wei == 5 * TENTH
    head = int(world.outside.rpc("eth_blockNumber"), 16)
    final = int(world.outside.rpc("eth_getBlockByNumber", "finalized", False)["number"], 16)
    assert count.block_number == min(final, head - 11)
    assert count.block_hash == world.outside.rpc("eth_getBlockByNumber", hex(count.block_number), False)["hash"]


def test_before_a_block_with_the_token_is_final_nothing_is_counted(world: World) -> None:
    with pytest.raises(NothingFinal):
        count_holders(symbol="AAPL")
    assert (HolderScan.objects.count(), HolderBalance.objects.count()) == (0, 0)


def test_a_transfer_moves_a_balance_and_an_empty_holder_is_none(world: World) -> None:
    world.until_settled(world.place("0.2"))
    assert [address for address, _ in count_holders(symbol="AAPL").balances] == [ALICE]

    _transfer(world, to=BOB, amount_wei=TENTH)
    _settle(world)
    assert list(count_holders(symbol="AAPL").balances) == sorted([(ALICE, TENTH), (BOB, TENTH)])

    _transfer(world, to=BOB, amount_wei=TENTH)
    _transfer(world, to=ALICE, amount_wei=0)
    _settle(world)
    assert list(count_holders(symbol="AAPL").balances) == [(BOB, 2 * TENTH)]


def test_a_count_that_broke_off_goes_on_where_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.until_settled(world.place("0.2"))
    monkeypatch.setattr(counting, "CHUNK", 2)
    asked = _asked(monkeypatch, fail_at=3)

    with pytest.raises(Unavailable):
        count_holders(symbol="AAPL")
    half_way = HolderScan.objects.get().block_number
    assert half_way == world.token.deployed_block + 3

    count = count_holders(symbol="AAPL")
    assert list(count.balances) == [(ALICE, 2 * TENTH)]
    assert asked[3][0] == half_way + 1
    firsts = [first for first, _ in asked[:2] + asked[3:]]
    assert firsts == list(range(world.token.deployed_block, count.block_number + 1, 2))

    asked.clear()
    count_holders(symbol="AAPL")
    assert asked == []  # nothing new, nothing read


def test_a_balance_that_does_not_add_up_is_thrown_away_and_counted_anew(world: World) -> None:
    world.until_settled(world.place("0.2"))
    count_holders(symbol="AAPL")
    HolderBalance.objects.update(balance_wei=1)

    with pytest.raises(HoldersDisagree):
        count_holders(symbol="AAPL")

    assert HolderBalance.objects.count() == 0
    assert list(count_holders(symbol="AAPL").balances) == [(ALICE, 2 * TENTH)]


def test_a_count_on_a_block_that_is_not_the_chains_begins_anew(world: World) -> None:
    world.until_settled(world.place("0.2"))
    count_holders(symbol="AAPL")
    HolderScan.objects.update(block_hash="0x" + "00" * 32)
    HolderBalance.objects.update(balance_wei=1)

    assert list(count_holders(symbol="AAPL").balances) == [(ALICE, 2 * TENTH)]


def _asked(monkeypatch: pytest.MonkeyPatch, *, fail_at: int) -> list[tuple[int, int]]:
    """The ranges that a node is asked for; the n-th answer does not come."""
    asked: list[tuple[int, int]] = []
    real = EvmChain.transfers

    def transfers(self: EvmChain, *, contract: str, first: int, last: int) -> Any:
        asked.append((first, last))
        if len(asked) == fail_at:
            raise Unavailable("the node is away")
        return real(self, contract=contract, first=first, last=last)

    monkeypatch.setattr(EvmChain, "transfers", transfers)
    return asked


def _transfer(world: World, *, to: str, amount_wei: int) -> None:
    account = Account.from_key(ALICE_KEY)
    data = "0xa9059cbb" + to[2:].lower().rjust(64, "0") + f"{amount_wei:064x}"
    transaction = {
        "type": 2,
        "chainId": 31337,
        "nonce": int(world.outside.rpc("eth_getTransactionCount", account.address, "latest"), 16),
        "to": world.token.address,
        "data": data,
        "gas": 200_000,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 1,
    }
    tx_hash = world.outside.rpc(
        "eth_sendRawTransaction", "0x" + account.sign_transaction(transaction).raw_transaction.hex()
    )
    world.outside.mine()
    assert world.outside.rpc("eth_getTransactionReceipt", tx_hash)["status"] == "0x1"


def _settle(world: World) -> None:
    world.outside.mine(12)
    world.tick()
