"""The chain port: what Agora asks of an EVM node.

Hashes are lower-case 0x strings, addresses checksummed, amounts in wei (10**-18 token). A node's silence is never an
answer: every method raises `Unavailable` (nothing was sent) or `Uncertain` (it may have been) on transport trouble,
and `Rejected` when the node or the contract refused, with its words and, where it could be decoded, the name of the
contract's error in `vendor_code`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    number: int
    hash: str
    parent_hash: str
    timestamp: int  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    tx_hash: str
    block_number: int
    block_hash: str
    succeeded: bool
    gas_used: int
    effective_gas_price: int  # wei


@dataclass(frozen=True, slots=True, kw_only=True)
class MintedLog:
    """The contract's `Minted` event: what joins a broker's trade and a mint."""

    contract: str
    mint_key: str
    to: str
    amount_wei: int
    tx_hash: str
    log_index: int
    block_number: int
    block_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferLog:
    """The ERC-20's `Transfer` event; the zero address is where mints come from and burns go to."""

    contract: str
    sender: str
    to: str
    amount_wei: int
    block_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    max_fee_per_gas: int  # wei
    max_priority_fee_per_gas: int  # wei


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeMarket:
    """What a block costs now."""

    base_fee: int  # wei a gas, of the latest block
    tip: int  # wei a gas, what the node suggests


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """One look at the chain, as far as a quorum of nodes has it."""

    head: int
    known: Header | None  # the canonical block at the number that was asked for, or at the head if that is lower


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Canonical blocks in a row with the mints in them, by a quorum's word."""

    headers: list[Header]  # fewer than asked for: the chain moved meanwhile
    logs: list[MintedLog]
    finalized: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReport:
    """What is known of one RPC. Never its URL, which holds the provider's key."""

    name: str  # host and port
    state: str  # ok, lagging, down, quarantined, probation
    head: int | None
    lag: int  # blocks behind what a quorum has
    reason: str  # of its state, if that is a bad one
    quarantines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MintCall:
    contract: str
    minter: str
    to: str
    amount_wei: int
    mint_key: str


class Chain(Protocol):
    def chain_id(self) -> int: ...

    def survey(self, number: int | None) -> Survey:
        """The head that a quorum has, and the canonical block at `number`, or at the head if that is lower.

        Raises NoQuorum (an Unavailable): the nodes contradict each other, or too few answer.
        """

    def stretch(self, *, first: int, last: int, contracts: list[str]) -> Stretch:
        """Canonical blocks first…last, the Minted events of those contracts in them, and what is final, by a quorum."""

    def head(self) -> Header:
        """The latest block."""

    def header(self, number: int) -> Header | None:
        """The canonical block of that number, None beyond the head."""

    def headers(self, first: int, last: int) -> list[Header]:
        """Canonical blocks first…last, in one batch; shorter when the head is below `last`."""

    def finalized(self) -> Header | None:
        """The chain's own `finalized` block, None while it has none."""

    def minted_logs(self, *, contracts: list[str], first: int, last: int) -> list[MintedLog]:
        """The Minted events of those contracts in canonical blocks first…last; halves the range on a provider's cap."""

    def minted_log(self, *, contract: str, mint_key: str, first: int) -> MintedLog | None:
        """The Minted event of one mint key since block `first`, or None."""

    def transfers(self, *, contract: str, first: int, last: int) -> list[TransferLog]:
        """Every Transfer of one contract in canonical blocks first…last, in order; halves the range likewise."""

    def receipts(self, tx_hashes: list[str]) -> dict[str, Receipt]:
        """Receipts by hash, in one batch; a hash without one is missing (that proves nothing)."""

    def are_unknown(self, tx_hashes: list[str]) -> bool:
        """Whether a quorum has no receipt of any of them, and no node has one."""

    def next_nonce(self, address: str, *, block: int | None = None) -> int:
        """Transactions mined from that address: as many as a quorum has (`latest`), or up to a block, by a quorum."""

    def fee_market(self) -> FeeMarket: ...

    def fees(self) -> Fees:
        """EIP-1559 fees for a prompt inclusion: twice the base fee, plus the tip."""

    def simulate_mint(self, call: MintCall) -> int:
        """eth_call and eth_estimateGas of the mint; the gas limit to use. Rejected: it would revert (vendor_code).

        On the `pending` block: what waits in the pool counts, such as the reserve report that covers this mint.
        """

    def simulate(self, *, sender: str, to: str, data: str) -> int:
        """The same of any call."""

    def read(
        self, *, contract: str, function: str, arguments: tuple[object, ...] = (), of: str, block: int | None = None
    ) -> tuple[Any, ...]:
        """What a view of a contract (the artifact `of`) answers at a block; None: the latest. Rejected: "NoCode"."""

    def broadcast(self, raw: bytes) -> str:
        """Send signed bytes; the transaction hash, also when the node already knows or has mined them.

        Safe to repeat. Rejected: the node refuses these bytes (nonce too low with no receipt of ours, no funds, …).
        """

    def code_hash(self, address: str) -> str | None:
        """keccak256 of the code at an address, None if there is none."""

    def code(self, address: str) -> bytes: ...

    def balance_of(self, *, contract: str, holder: str, block: int | None = None) -> int: ...

    def total_supply(self, *, contract: str, block: int | None = None) -> int: ...

    def is_mint_key_used(self, *, contract: str, mint_key: str, block: int | None = None) -> bool: ...

    def native_balance(self, address: str) -> int: ...

    def note(self, *, has_quorum: bool) -> None:
        """Whether a look at the chain came to a conclusion: an alarm when none does for a while."""

    def node_reports(self) -> list[NodeReport]: ...
