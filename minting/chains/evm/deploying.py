"""Transactions that Agora makes by itself on a local chain: the contract, and gas for the minter."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from eth_account import Account

from agora.lib import anvil
from agora.lib.errors import Rejected, Uncertain
from minting.chains import abi
from minting.chains.base import Deployment, Receipt
from minting.chains.evm import parsing
from minting.chains.evm.rpc import Query, Rpc

if TYPE_CHECKING:
    from minting.chains.evm.chain import EvmChain

MINED_WITHIN = 30.0  # seconds
POLL_EVERY = 0.02
MINE_AFTER = 0.5  # a local chain that still has no block by then mines on demand, or slowly


def deploy(chain: EvmChain, rpc: Rpc, *, private_key: str, constructor_args: tuple[str, ...]) -> Deployment:
    tx_hash = send(chain, rpc, private_key=private_key, fields={"data": abi.encode_deployment(*constructor_args)})
    address = rpc.ask(Query("eth_getTransactionReceipt", [tx_hash], parsing.created_address))
    code_hash = chain.code_hash(address)
    if code_hash is None:
        raise Rejected(f"the deployment {tx_hash} left no code at {address}", vendor_code="NoCode")
    block_number = chain.receipts([tx_hash])[tx_hash].block_number
    return Deployment(address=address, block_number=block_number, tx_hash=tx_hash, code_hash=code_hash)


def send(chain: EvmChain, rpc: Rpc, *, private_key: str, fields: dict[str, Any]) -> str:
    """Sign and send a transaction of these fields, and wait until it is mined."""
    account = Account.from_key(private_key)
    fees = chain.fees()
    asked = {**fields, "value": hex(fields.get("value", 0)), "from": account.address}
    transaction = {
        **fields,
        "type": 2,
        "chainId": chain.configured_chain_id,
        "nonce": chain.next_nonce(account.address),
        "gas": chain.estimate(asked),
        "maxFeePerGas": fees.max_fee_per_gas,
        "maxPriorityFeePerGas": fees.max_priority_fee_per_gas,
    }
    tx_hash = chain.broadcast(bytes(account.sign_transaction(transaction).raw_transaction))
    if not _mined(chain, rpc, tx_hash).succeeded:
        raise Rejected(f"{tx_hash} was mined and reverted", vendor_code="Reverted")
    return tx_hash


def _mined(chain: EvmChain, rpc: Rpc, tx_hash: str) -> Receipt:
    started = time.monotonic()
    while time.monotonic() < started + MINED_WITHIN:
        if receipt := chain.receipts([tx_hash]).get(tx_hash):
            return receipt
        if chain.configured_chain_id == anvil.CHAIN_ID and time.monotonic() > started + MINE_AFTER:
            rpc.ask(Query("evm_mine", [], lambda _: None))
        time.sleep(POLL_EVERY)
    raise Uncertain(f"{tx_hash} was not mined within {MINED_WITHIN:.0f} s")
