"""The signer port: whoever holds the keys that mint and that stop minting.

A signer takes a *structured* intent and encodes the calldata itself, so that nobody can have it sign something else
(DESIGN §5). It either returns the signed bytes, which the caller saves before broadcasting, or says that the
provider is still working on it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class MintIntent:
    """One EIP-1559 transaction that calls `mint(address to, uint256 amount, string brokerTradeId)`."""

    chain_id: int
    contract: str  # checksummed
    to: str  # checksummed recipient
    amount_wei: int
    mint_key: str
    nonce: int
    gas: int
    max_fee_per_gas: int  # wei
    max_priority_fee_per_gas: int  # wei
    # The nonce of this mint key's last transaction, which was mined and reverted; None: there was none. It is not
    # signed: the signer's record wants it said (ADR 0011).
    replaces: int | None = None


class StopMethod(enum.StrEnum):
    """What the token's PAUSER_ROLE may call. There is no method to start again: that takes the token's admin."""

    MINTING = "pauseMinting"
    TRANSFERS = "pauseTransfers"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopIntent:
    """One EIP-1559 transaction that calls `pauseMinting()` or `pauseTransfers()`."""

    chain_id: int
    contract: str  # checksummed
    method: StopMethod
    nonce: int
    gas: int
    max_fee_per_gas: int  # wei
    max_priority_fee_per_gas: int  # wei


Intent = MintIntent | StopIntent


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    raw: bytes  # EIP-2718 typed transaction, ready to broadcast
    tx_hash: str  # 0x…, keccak256(raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The provider has the request and has not answered yet. Ask again with the same request_id."""

    provider_id: str
    status: str


SIGNED_SOMETHING_ELSE = "SIGNED_SOMETHING_ELSE"  # vendor_code of a Rejected after which nothing may be signed anew


class Signer(Protocol):
    name: str

    def address(self) -> str:
        """The checksummed address whose key signs."""

    def sign_mint(self, intent: MintIntent, *, request_id: str) -> Signed | Submitted:
        """Sign, once per `request_id`, whatever number of times it is called: an earlier request is looked up.

        Rejected: final, no signature exists or ever will under this request_id (a new one may be made).
        Unavailable, Uncertain: call again with the same request_id.
        """


class StopSigner(Protocol):
    """The same for the key that holds PAUSER_ROLE and nothing else."""

    def address(self) -> str:
        """The checksummed address whose key signs."""

    def sign_stop(self, intent: StopIntent, *, request_id: str) -> Signed | Submitted:
        """As `Signer.sign_mint`."""
