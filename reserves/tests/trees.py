"""Trees of made-up holders, and their proofs."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from reserves.merkle import Holder, Proof, Subject, SumTree, build_sum_tree
from reserves.proofs import proof_of

SECRET = hashlib.sha256(b"a snapshot's secret").digest()
SUBJECT = Subject(
    asset="AAPL", chain_id=84532, contract=bytes(range(20)), block_number=12_345_678, block_hash=bytes(range(32))
)


def some_holders(count: int, *, seed: str = "holder") -> list[Holder]:
    """Addresses and amounts that look like no pattern, the same each time."""
    digests = (hashlib.sha256(f"{seed} {i}".encode()).digest() for i in range(count))
    return [(digest[:20], int.from_bytes(digest[20:28], "big") + 1) for digest in digests]


def a_tree(count: int = 7, **fields: Any) -> SumTree:
    return build_sum_tree(**{"subject": SUBJECT, "holders": some_holders(count), "secret": SECRET, **fields})


def a_proof(tree: SumTree, index: int = 0, /, **changes: Any) -> Proof:
    return replace(proof_of(tree, index=index, secret=SECRET), **changes)
