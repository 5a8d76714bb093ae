"""A holder's inclusion proof as JSON, and back. Amounts are decimal strings of wei. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reserves.merkle import BadProof, Proof, Subject, SumTree, salt_of

FORMAT = "agora-por-proof-v1"


def proof_of(tree: SumTree, *, index: int, secret: bytes) -> Proof:
    address, amount = tree.holders[index]
    return Proof(
        subject=tree.subject,
        total=tree.total,
        count=tree.count,
        address=address,
        amount=amount,
        salt=salt_of(secret=secret, address=address),
        index=index,
        path=tree.path(index),
    )


def as_json(proof: Proof, *, root: bytes) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "asset": proof.subject.asset,
        "chain_id": proof.subject.chain_id,
        "contract": _hex(proof.subject.contract),
        "block_number": proof.subject.block_number,
        "block_hash": _hex(proof.subject.block_hash),
        "root": _hex(root),
        "total_wei": str(proof.total),
        "holders": proof.count,
        "address": _hex(proof.address),
        "amount_wei": str(proof.amount),
        "salt": _hex(proof.salt),
        "index": proof.index,
        "path": [{"hash": _hex(s[:32]), "sum_wei": str(int.from_bytes(s[32:], "big"))} for s in proof.path],
    }


def from_json(said: Mapping[str, Any]) -> tuple[Proof, bytes]:
    """The proof and the root that it names. Raises BadProof."""
    try:
        if said["format"] != FORMAT:
            raise BadProof(f"the format is {said['format']!r}, not {FORMAT}")
        subject = Subject(
            asset=str(said["asset"]),
            chain_id=int(said["chain_id"]),
            contract=_bytes(said["contract"], 20),
            block_number=int(said["block_number"]),
            block_hash=_bytes(said["block_hash"], 32),
        )
        proof = Proof(
            subject=subject,
            total=_amount(said["total_wei"]),
            count=int(said["holders"]),
            address=_bytes(said["address"], 20),
            amount=_amount(said["amount_wei"]),
            salt=_bytes(said["salt"], 32),
            index=int(said["index"]),
            path=[_bytes(s["hash"], 32) + _amount(s["sum_wei"]).to_bytes(32, "big") for s in said["path"]],
        )
        return proof, _bytes(said["root"], 32)
    except (KeyError, TypeError, ValueError, OverflowError) as problem:
        if isinstance(problem, BadProof):
            raise
        raise BadProof(f"the proof cannot be read: {problem}") from problem


def _amount(text: Any) -> int:
    """An amount of wei; a sign, a point or white space is refused."""
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()):
        raise BadProof(f"{text!r} is no amount of wei")
    return int(text)


def _bytes(text: Any, size: int) -> bytes:
    value = bytes.fromhex(text.removeprefix("0x"))
    if len(value) != size:
        raise BadProof(f"{text!r} is not {size} bytes")
    return value


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
