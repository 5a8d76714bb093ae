"""What a node's refusal means: JSON-RPC errors as the three of agora.lib.errors.

Codes are of little help: geth says -32000 for nearly everything, anvil -32003, providers have their own. So a
contract's refusal is known by the data that it reverted with, and the few words below say what a pool holds against
signed bytes. Whatever else a node says, a proxy's words among it, is Uncertain: the next node is asked, and a mint goes
on later. `vendor_code` is the contract error's name, else one of the names below, else the node's number or "Unknown";
it is empty when no node answered.
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


TOO_MUCH = "TooMuch"  # asked at once: fewer requests, blocks or logs may be answered


class ContractRefused(Rejected):
    """A contract of ours reverted with an error of its own; `values` are what it says."""

    def __init__(self, error: abi.ContractError) -> None:
        super().__init__(f"reverted with {error.text}", vendor_code=error.name)
        self.values = error.values


_BY_WORDS: list[tuple[str, str, type[VendorError]]] = [
    (r"already (known|imported|exists|in (the )?(mem)?pool)|(?<!un)known transaction", "AlreadyKnown", Uncertain),
    (r"underpriced.*replace|replace.*underpriced", "ReplacementUnderpriced", Rejected),
    (r"nonce (is )?too low", "NonceTooLow", Rejected),
    (r"insufficient funds", "InsufficientFunds", Rejected),
    (r"underpriced|gas ?price too low|(fee|tip|price)[^.]*(too low|below)", "FeeTooLow", Rejected),
    (r"(less|lower) than (the )?(block )?base ?fee", "FeeTooLow", Rejected),
    (
        r"block not found|header (for hash )?not found|unknown block|out ?of ?range|beyond current head|pending block",
        "UnknownBlock",
        Unavailable,
    ),
    (
        r"batch|too (large|many (results|blocks|logs))|block range|range.*(limit|large|exceed)|response size|"
        r"returned more than",
        TOO_MUCH,
        Unavailable,
    ),
    (r"missing trie node|(state|history).* (pruned|not available)", "UnknownBlock", Unavailable),
    (r"rate.?limit|too many requests|limit (exceeded|reached)|capacity|pool is full", "Busy", Unavailable),
    (r"time.?out|timed out", "NodeTimeout", Uncertain),
]
# Of bytes that are sent. In answer to a question the same words are a node's, or a proxy's, about itself.
OF_THE_POOL = frozenset({"NonceTooLow", "ReplacementUnderpriced", "FeeTooLow", "InsufficientFunds"})
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
        return Uncertain(f"a node's error is no object: {str(error)[:200]}", vendor_code="Unknown")
    code, words = error.get("code"), str(error.get("message", ""))[:500]
    for data in _revert_data(error.get("data")):
        if found := abi.decode_error(data):
            return ContractRefused(found)
        if "revert" in words.lower() and len(data) % 32 == 4:  # a selector and its words, none of our interface's
            return Rejected(f"{words}: 0x{data.hex()[:200]}", vendor_code="Reverted")
    detail = f"{words or 'no words'} ({code})"
    for pattern, name, kind in _BY_WORDS:
        if re.search(pattern, words, re.IGNORECASE):
            return kind(detail, vendor_code=name)
    if isinstance(code, int) and code in _BY_CODE:
        name, kind = _BY_CODE[code]
        return kind(detail, vendor_code=name)
    return Uncertain(detail, vendor_code="Unknown" if code is None else str(code)[:40])


def _revert_data(data: Any) -> Iterator[bytes]:
    """geth and anvil give hex; others words before it, or an object around it."""
    if isinstance(data, dict):
        data = data.get("data")
    if isinstance(data, str):
        for found in _HEX.findall(data):
            yield bytes.fromhex(found[2:])
