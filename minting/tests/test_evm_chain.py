"""EvmChain against a real node that answers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import pytest
from eth_utils import keccak

from agora.lib.errors import Rejected, Unavailable
from minting.chains import abi, artifact
from minting.chains.base import Chain, MintedLog, Receipt
from minting.chains.evm.chain import MAX_TIP
from minting.chains.operator import Call, Operator
from minting.tests.chain_fixtures import (
    ADMIN,
    ALICE,
    MINTER,
    MINTER_KEY,
    QUARTER,
    Node,
    arguments,
    node_with_token,
)

NOBODY = "0x00000000000000000000000000000000000000aa"


@pytest.fixture(scope="module")
def module_node() -> Iterator[Node]:
    with node_with_token() as node:
        yield node


@pytest.fixture
def node(module_node: Node) -> Iterator[Node]:
    """The module's node, as it was right after the deployment."""
    snapshot = module_node.rpc("evm_snapshot")
    yield module_node
    module_node.rpc("anvil_dropAllTransactions")
    assert module_node.rpc("evm_revert", snapshot)


def test_adapter_is_a_chain(node: Node) -> None:
    chain: Chain = node.chain
    assert chain.chain_id() == 31337


def test_deployment_says_where_the_code_is(node: Node) -> None:
    assert node.token.address == "0x5FbDB2315678afecb367f032d93F642f64180aa3"  # the first contract of anvil's account 0
    assert node.token.block_number == 1
    assert node.token.code_hash == node.chain.code_hash(node.token.address)
    assert node.chain.code_hash(NOBODY) is None


def test_signed_mint_makes_tokens_and_its_receipt_says_so(node: Node) -> None:
    raw = node.signed_mint("trade-1")

    tx_hash = node.mined(raw)

    assert tx_hash == "0x" + keccak(raw).hex()
    head = node.chain.head()
    receipt = node.chain.receipts([tx_hash])[tx_hash]
    assert receipt == Receipt(
        tx_hash=tx_hash,
        block_number=2,
        block_hash=head.hash,
        succeeded=True,
        gas_used=receipt.gas_used,
        effective_gas_price=receipt.effective_gas_price,
    )
    assert 80_000 < receipt.gas_used < 130_000
    assert receipt.effective_gas_price > 10**9
    token = node.token.address
    assert node.chain.balance_of(contract=token, holder=ALICE) == QUARTER
    assert node.chain.total_supply(contract=token) == QUARTER
    assert node.chain.is_mint_key_used(contract=token, mint_key="trade-1") is True
    assert node.chain.is_mint_key_used(contract=token, mint_key="trade-2") is False


def test_state_can_be_read_at_an_earlier_block(node: Node) -> None:
    node.mint("trade-1")
    token = node.token.address

    assert node.chain.total_supply(contract=token, block=1) == 0
    assert node.chain.total_supply(contract=token, block=2) == QUARTER
    assert node.chain.balance_of(contract=token, holder=ALICE, block=1) == 0
    assert node.chain.is_mint_key_used(contract=token, mint_key="trade-1", block=1) is False


def test_state_of_a_contract_before_its_deployment_is_rejected_and_not_zero(node: Node) -> None:
    with pytest.raises(Rejected) as refusal:
        node.chain.total_supply(contract=node.token.address, block=0)

    assert refusal.value.vendor_code == "NoCode"


def test_simulation_gives_the_gas_and_a_quarter_more(node: Node) -> None:
    call = node.call("trade-1")
    calldata = abi.encode_call("mint", ALICE, QUARTER, "trade-1")
    estimated = int(node.rpc("eth_estimateGas", {"from": MINTER, "to": call.contract, "data": calldata}), 16)

    assert node.chain.simulate_mint(call) == -(-estimated * 5 // 4)


def test_simulated_replay_is_rejected_by_the_contracts_name_for_it(node: Node) -> None:
    node.mint("trade-1")

    with pytest.raises(Rejected) as refusal:
        node.chain.simulate_mint(node.call("trade-1"))

    assert refusal.value.vendor_code == "BrokerTradeAlreadyUsed"
    assert refusal.value.detail == "reverted with BrokerTradeAlreadyUsed('trade-1')"


@pytest.mark.parametrize(
    ("mint_key", "minter", "amount_wei", "vendor_code"),
    [
        ("trade-1", ADMIN, QUARTER, "AccessControlUnauthorizedAccount"),
        ("trade-1", MINTER, 0, "ZeroAmount"),
        ("", MINTER, QUARTER, "InvalidIdLength"),
        ("trade-1", MINTER, 10**25, "MinterAllowanceExceeded"),
    ],
)
def test_simulated_mint_that_the_contract_refuses_is_rejected(
    node: Node, mint_key: str, minter: str, amount_wei: int, vendor_code: str
) -> None:
    with pytest.raises(Rejected) as refusal:
        node.chain.simulate_mint(node.call(mint_key, minter=minter, amount_wei=amount_wei))

    assert refusal.value.vendor_code == vendor_code


def test_sent_replay_is_mined_and_its_receipt_tells_that_it_failed(node: Node) -> None:
    node.mint("trade-1")

    second = node.mint("trade-1")

    assert node.chain.receipts([second])[second].succeeded is False
    assert node.chain.total_supply(contract=node.token.address) == QUARTER


def test_second_broadcast_of_a_mined_transaction_returns_its_hash(node: Node) -> None:
    raw = node.signed_mint("trade-1")
    first = node.mined(raw)

    assert node.chain.broadcast(raw) == first
    assert node.chain.total_supply(contract=node.token.address) == QUARTER


def test_second_broadcast_of_a_waiting_transaction_returns_its_hash(node: Node) -> None:
    raw = node.signed_mint("trade-1")
    first = node.chain.broadcast(raw)

    second = node.chain.broadcast(raw)

    assert second == first
    assert node.chain.receipts([first]) == {}
    node.rpc("evm_mine")
    assert node.chain.receipts([first])[first].succeeded is True


def test_nonce_used_by_another_transaction_is_rejected(node: Node) -> None:
    node.mined(node.signed_mint("trade-1", nonce=0))

    with pytest.raises(Rejected) as refusal:
        node.chain.broadcast(node.signed_mint("trade-2", nonce=0))

    assert refusal.value.vendor_code == "NonceTooLow"
    assert node.chain.is_mint_key_used(contract=node.token.address, mint_key="trade-2") is False


def test_broadcast_without_gas_money_is_rejected(node: Node) -> None:
    node.rpc("anvil_setBalance", MINTER, "0x0")

    with pytest.raises(Rejected) as refusal:
        node.mint("trade-1")

    assert refusal.value.vendor_code == "InsufficientFunds"
    assert node.chain.next_nonce(MINTER) == 0


def test_receipts_leave_out_what_has_none(node: Node) -> None:
    first, second, unknown = node.mint("trade-1"), node.mint("trade-2"), "0x" + "77" * 32

    receipts = node.chain.receipts([second, unknown, first])

    assert {tx_hash: receipt.block_number for tx_hash, receipt in receipts.items()} == {first: 2, second: 3}
    assert node.chain.receipts([]) == {}


def test_minted_logs_join_trade_and_mint(node: Node) -> None:
    first, second = node.mint("trade-1"), node.mint("trade-ü")
    token = node.token.address

    logs = node.chain.minted_logs(contracts=[token], first=0, last=3)

    assert [(log.mint_key, log.tx_hash, log.block_number) for log in logs] == [
        ("trade-1", first, 2),
        ("trade-ü", second, 3),
    ]
    assert logs[0] == MintedLog(
        contract=token,
        mint_key="trade-1",
        to=ALICE,
        amount_wei=QUARTER,
        tx_hash=first,
        log_index=1,  # after the ERC-20's Transfer
        block_number=2,
        block_hash=node.chain.receipts([first])[first].block_hash,
    )
    assert node.chain.minted_logs(contracts=[token], first=3, last=3) == logs[1:]
    assert node.chain.minted_logs(contracts=[NOBODY], first=0, last=3) == []
    assert node.chain.minted_logs(contracts=[], first=0, last=3) == []


def test_minted_log_is_found_by_its_key(node: Node) -> None:
    node.mint("trade-1")
    tx_hash = node.mint("trade-2")
    token = node.token.address

    found = node.chain.minted_log(contract=token, mint_key="trade-2", first=1)

    assert found is not None
    assert (found.tx_hash, found.mint_key, found.amount_wei) == (tx_hash, "trade-2", QUARTER)
    assert node.chain.minted_log(contract=token, mint_key="trade-3", first=1) is None
    assert node.chain.minted_log(contract=token, mint_key="trade-2", first=4) is None


def test_headers_are_linked_and_end_at_the_head(node: Node) -> None:
    node.rpc("anvil_mine", "0xfa")  # 250 more: three batches

    headers = node.chain.headers(0, 300)

    assert [header.number for header in headers] == list(range(252))
    assert all(child.parent_hash == parent.hash for parent, child in itertools.pairwise(headers))
    assert headers[-1] == node.chain.head() == node.chain.header(251)
    assert node.chain.header(252) is None
    assert node.chain.headers(252, 260) == []


def test_finalized_follows_two_epochs_behind(node: Node) -> None:
    node.rpc("anvil_mine", "0x13")  # head 20, four slots an epoch

    finalized = node.chain.finalized()

    assert finalized is not None
    assert finalized == node.chain.header(12)


def test_reorg_takes_the_receipt_and_its_tokens_away_and_the_same_bytes_bring_them_back(node: Node) -> None:
    raw = node.signed_mint("trade-1")
    tx_hash = node.mined(raw)
    before = node.chain.header(2)

    node.rpc("anvil_reorg", 1, [])

    assert node.chain.header(2) != before
    assert node.chain.receipts([tx_hash]) == {}
    assert node.chain.next_nonce(MINTER) == 0
    assert node.chain.minted_log(contract=node.token.address, mint_key="trade-1", first=0) is None
    assert node.mined(raw) == tx_hash
    assert node.chain.receipts([tx_hash])[tx_hash].block_number == 3


def test_fees_are_twice_the_base_fee_and_the_tip(node: Node) -> None:
    base_fee = int(node.rpc("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
    tip = int(node.rpc("eth_maxPriorityFeePerGas"), 16)

    fees = node.chain.fees()

    assert fees.max_fee_per_gas == 2 * base_fee + tip
    assert fees.max_priority_fee_per_gas == tip


def test_what_was_bid_lately_does_not_raise_the_next_bid_for_ever(node: Node) -> None:
    dear = hex(50 * 10**9)
    bid = {"from": ALICE, "to": NOBODY, "maxFeePerGas": dear, "maxPriorityFeePerGas": dear}
    for _ in range(3):
        node.rpc("eth_sendTransaction", bid)
        node.rpc("evm_mine")
    assert int(node.rpc("eth_maxPriorityFeePerGas"), 16) > MAX_TIP

    assert node.chain.fees().max_priority_fee_per_gas == MAX_TIP


def test_operators_calls_arrive_in_a_row_and_mine_for_themselves_where_nothing_else_does(node: Node) -> None:
    operator = Operator(node.chain, MINTER_KEY)

    receipts = operator.send([Call(to=NOBODY, value_wei=12345), Call(to=NOBODY, value_wei=5)])

    assert [receipt.succeeded for receipt in receipts] == [True, True]
    assert node.chain.native_balance(NOBODY) == 12350
    assert node.chain.next_nonce(MINTER) == 2


def test_operators_call_that_reverts_is_rejected(node: Node) -> None:
    pause = Call(to=node.token.address, data=abi.encode_call("pauseMinting"))  # it has not that role

    with pytest.raises(Rejected) as refusal:
        Operator(node.chain, MINTER_KEY).send([pause])

    assert refusal.value.vendor_code == "Reverted"


def test_creation_lies_where_its_sender_and_nonce_say_and_is_the_audited_code(node: Node) -> None:
    creation = Operator(node.chain, MINTER_KEY).sign_creation(abi.encode_deployment(*arguments("TSLA")))

    node.mined(creation.raw)

    compiled = artifact.load()
    assert node.chain.code_hash(creation.address) != node.token.code_hash  # another security, another assetHash
    for address in (creation.address, node.token.address):
        assert compiled.template_hash_of(node.chain.code(address)) == compiled.template_hash
    assert node.chain.read(contract=creation.address, function="terms") == ("terms", bytes(32))


def test_template_hash_is_the_one_that_the_build_wrote() -> None:
    for contract in (artifact.TOKEN, artifact.ORACLE):
        written = json.loads((artifact.DIRECTORY / f"{contract}.json").read_text())["templateHash"]
        assert artifact.load(contract).template_hash == written


def test_simulated_mint_counts_what_waits_in_the_pool(node: Node) -> None:
    """The day's cap is nearly used up by a mint that is not in a block yet."""
    node.chain.broadcast(node.signed_mint("trade-1", amount_wei=10**24 - 1))

    with pytest.raises(Rejected) as refusal:
        node.chain.simulate_mint(node.call("trade-2"))

    assert refusal.value.vendor_code == "MinterAllowanceExceeded"


def test_key_that_is_used_in_the_pool_alone_is_no_replay_yet(node: Node) -> None:
    node.chain.broadcast(node.signed_mint("trade-1"))

    with pytest.raises(Unavailable) as waiting:
        node.chain.simulate_mint(node.call("trade-1"))

    assert waiting.value.vendor_code == "Pending"
