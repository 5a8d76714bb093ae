"""What a node's refusal means: JSON-RPC errors as the three of agora.lib.errors.

Codes are of little help: geth says -32000 for nearly everything, anvil -32003, providers have their own. So the words
decide, after the contract's own error. `vendor_code` is the contract error's name, else one of the names below, else
the node's number; it is empty when no node answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agora.lib.errors import Rejected, Unavailable, Uncertain, VendorError
from minting.chains import abi

# The token's reserve gate: it will mint as soon as the feed covers it.
RESERVES_SHORT = "ReservesInsufficient"
RESERVE_GATE = frozenset(
    {
        RESERVES_SHORT,
        "ReservesStale",
        "ReservesFromFuture",
        "ReservesInvalid",
        "ReservesRoundIncomplete",
        "ReserveFeedFailed",
        "ReserveDecimalsUnsupported",
    }
)


class ContractRefused(Rejected):
    """A contract of ours reverted with an error of its own; `values` are what it says."""

    def __init__(self, error: abi.ContractError) -> None:
        super().__init__(f"reverted with {error.text}", vendor_code=error.name)
        self.values = error.values


_BY_WORDS: list[tuple[str, str, type[VendorError]]] = [
    (r"already known|already imported|known transaction", "AlreadyKnown", Uncertain),
    (r"nonce (is )?too low", "NonceTooLow", Rejected),
    (r"insufficient funds", "InsufficientFunds", Rejected),
    (r"replacement.*underpriced", "ReplacementUnderpriced", Rejected),
    (r"(less|lower) than (the )?block base fee", "FeeTooLow", Rejected),
    (r"block not found|header not found|unknown block|out ?of ?range|beyond current head", "UnknownBlock", Unavailable),
    (r"missing trie node|(state|history).* (pruned|not available)", "UnknownBlock", Unavailable),
    (r"rate.?limit|too many requests|limit exceeded|capacity|pool is full", "Busy", Unavailable),
    (r"time.?out|timed out", "NodeTimeout", Uncertain),
    (r"revert", "Reverted", Rejected),
]
_BY_CODE: dict[int, tuple[str, type[VendorError]]] = {
    -32005: ("Busy", Unavailable),  # EIP-1474: limit exceeded
    -32016: ("Busy", Unavailable),  # Base's public node: over rate limit
    -39001: ("UnknownBlock", Unavailable),  # Nethermind, Besu
    429: ("Busy", Unavailable),
    -32603: ("InternalError", Uncertain),
}
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})+")


def refusal(error: object) -> VendorError:
    """The `error` member of a JSON-RPC answer, as the exception to raise."""
    if not isinstance(error, dict):
        return Uncertain(f"a node's error is no object: {str(error)[:200]}")
    code, words = error.get("code"), str(error.get("message", ""))
    for data in _revert_data(error.get("data")):
        if found := abi.decode_error(data):
            return ContractRefused(found)
    detail = f"{words or 'no words'} ({code})"
    for pattern, name, kind in _BY_WORDS:
        if re.search(pattern, words, re.IGNORECASE):
            return kind(detail, vendor_code=name)
    if isinstance(code, int) and code in _BY_CODE:
        name, kind = _BY_CODE[code]
        return kind(detail, vendor_code=name)
    return Rejected(detail, vendor_code=str(code))


def _revert_data(data: Any) -> Iterator[bytes]:
    """geth and anvil give hex; others words before it, or an object around it."""
    if isinstance(data, dict):
        data = data.get("data")
    if isinstance(data, str):
        for found in _HEX.findall(data):
            yield bytes.fromhex(found[2:])
