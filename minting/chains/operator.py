"""Transactions from a key at hand: contracts, roles, limits, reports. Never a mint: that is the signer's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import rlp  # type: ignore[import-untyped]
from eth_utils import keccak, to_canonical_address, to_checksum_address

from agora.lib.errors import Rejected, Uncertain
from minting.chains.local import CHAIN_IDS as LOCAL_CHAIN_IDS

if TYPE_CHECKING:
    from minting.chains.base import Fees, Receipt
    from minting.chains.evm import EvmChain

CALL_GAS = 200_000  # more than any of the calls that set a token up takes
MINED_WITHIN = 60.0  # seconds
POLL_EVERY = 0.02
MINE_AFTER = 0.5  # a local chain that still has no block by then mines on demand, or slowly


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    to: str
    data: str = "0x"
    value_wei: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """A contract's signed creation: where it will lie is known before anybody sees it."""

    address: str
    nonce: int
    raw: bytes
    tx_hash: str


class Operator:
    def __init__(self, chain: EvmChain, private_key: str) -> None:
        self.chain = chain
        from eth_account import Account  # here: 20 MiB that a web process does without

        self._account = Account.from_key(private_key)
        self.address: str = self._account.address

    def sign_creation(self, bytecode: str) -> Creation:
        """A contract's creation under the next nonce. Nothing is sent: keep it first."""
        nonce, fees = self._nonce(), self.chain.fees()
        gas = self.chain.estimate({"from": self.address, "data": bytecode})
        raw, tx_hash = self._sign({"data": bytecode}, nonce=nonce, gas=gas, fees=fees)
        return Creation(address=created_address(self.address, nonce), nonce=nonce, raw=raw, tx_hash=tx_hash)

    def sign(self, call: Call, *, nonce: int, gas: int, fees: Fees) -> tuple[bytes, str]:
        """A call's bytes and hash."""
        fields = {"to": to_checksum_address(call.to), "data": call.data, "value": call.value_wei}
        return self._sign(fields, nonce=nonce, gas=gas, fees=fees)

    def send(self, calls: Sequence[Call]) -> list[Receipt]:
        """Send the calls under consecutive nonces, and wait for them all. Rejected: one of them reverted."""
        nonce, fees = self._nonce(), self.chain.fees()
        signed = [
            self.sign(call, nonce=number, gas=CALL_GAS, fees=fees) for number, call in enumerate(calls, start=nonce)
        ]
        return wait_until_mined(self.chain, [self.chain.broadcast(raw) for raw, _ in signed])

    def _nonce(self) -> int:
        """The next one, once what an earlier run has sent is mined: two of the same nonce would replace each other."""
        deadline = time.monotonic() + MINED_WITHIN
        while (nonce := self.chain.next_nonce(self.address)) != self.chain.pending_nonce(self.address):
            if time.monotonic() > deadline:
                raise Uncertain(f"transactions of {self.address} wait in the pool; try again when they are mined")
            _mine_if_local(self.chain)
            time.sleep(POLL_EVERY)
        return nonce

    def _sign(self, fields: dict[str, object], *, nonce: int, gas: int, fees: Fees) -> tuple[bytes, str]:
        transaction = {
            **fields,
            "type": 2,
            "chainId": self.chain.configured_chain_id,
            "nonce": nonce,
            "gas": gas,
            "maxFeePerGas": fees.max_fee_per_gas,
            "maxPriorityFeePerGas": fees.max_priority_fee_per_gas,
        }
        raw = bytes(self._account.sign_transaction(transaction).raw_transaction)
        return raw, "0x" + keccak(raw).hex()


def created_address(sender: str, nonce: int) -> str:
    """Where a contract that `sender` creates with that nonce lies (yellow paper, section 7)."""
    return str(to_checksum_address(keccak(rlp.encode([to_canonical_address(sender), nonce]))[-20:]))


def wait_until_mined(chain: EvmChain, hashes: Sequence[str]) -> list[Receipt]:
    """The receipts of what was sent, in this order. Rejected: one reverted. Uncertain: not mined for a minute."""
    started = time.monotonic()
    while len(found := chain.receipts(list(hashes))) < len(set(hashes)):
        if time.monotonic() > started + MINED_WITHIN:
            raise Uncertain(f"{hashes} were not mined within {MINED_WITHIN:.0f} s")
        if time.monotonic() > started + MINE_AFTER:
            _mine_if_local(chain)
        time.sleep(POLL_EVERY)
    for receipt in found.values():
        if not receipt.succeeded:
            raise Rejected(f"{receipt.tx_hash} was mined and reverted", vendor_code="Reverted")
    return [found[tx_hash] for tx_hash in hashes]


def _mine_if_local(chain: EvmChain) -> None:
    if chain.configured_chain_id in LOCAL_CHAIN_IDS:
        chain.mine()
