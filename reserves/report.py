"""What a reserve report says, as bytes that are hashed and signed. Pure; the format is in docs/proof-of-reserves.md.

The content is JSON of strings, integers, lists and objects in RFC 8785's form: keys sorted, no white space, no floats.
Its sha256 is the report's hash, and the next report names it. What is signed (EIP-712) repeats the figures that count.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from agora.lib.money import TOKEN_DECIMALS, plain
from reserves.merkle import Subject
from reserves.states import FigureName as F
from reserves.states import Source

FORMAT = "agora-por-report-v1"
TREE = "agora-por-tree-v1"
NO_HASH = "0x" + "00" * 32  # the first report's predecessor
SAFE_INTEGER = (1 << 53) - 1  # RFC 8785: what JavaScript keeps exactly

SOURCES: dict[F, Source] = {
    F.MINTED_ON_CHAIN: Source.CHAIN,
    F.MINTED_BY_RECORDS: Source.OWN_RECORD,
    F.OWED_TO_HOLDERS: Source.CHAIN,
    F.IN_CUSTODY: Source.OWN_RECORD,
    F.CUSTODIAN_BALANCE: Source.CUSTODIAN_API,
    F.BROKER_POSITION: Source.BROKER_API,
    F.FILLED: Source.OWN_RECORD,
    F.PENDING_CUSTODY: Source.OWN_RECORD,
    F.PENDING_MINT: Source.OWN_RECORD,
}


class NotCanonical(ValueError):
    """A value that the format does not have: a float, a boolean, null, an integer beyond 53 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    name: F
    quantity: Decimal  # shares, or tokens at one a share
    source: Source
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Liabilities:
    """The two trees' commitments."""

    root: str
    plain_root: str
    total_wei: int
    holders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One report, before it is anybody's."""

    asset: str
    token: str  # its symbol
    chain_id: int
    contract: str
    sequence: int  # 1 for an asset's first
    previous_hash: str
    block_number: int
    block_hash: str
    block_at: datetime
    as_of: datetime
    figures: Sequence[Figure]
    liabilities: Liabilities

    def quantity(self, name: F) -> Decimal:
        return next(figure.quantity for figure in self.figures if figure.name == name)

    @property
    def subject(self) -> Subject:
        return Subject(
            asset=self.asset,
            chain_id=self.chain_id,
            contract=bytes.fromhex(self.contract[2:]),
            block_number=self.block_number,
            block_hash=bytes.fromhex(self.block_hash[2:]),
        )


def reserve_ratio(*, in_custody: Decimal, custodian_balance: Decimal, minted: Decimal) -> Decimal | None:
    """Shares a token, by the smaller of our records and the custodian's balance, to four decimals, rounded down."""
    if not minted:
        return None
    return (min(in_custody, custodian_balance) / minted).quantize(Decimal("0.0001"), rounding=ROUND_DOWN)


def content(statement: Statement) -> dict[str, Any]:
    """The report as it is published."""
    ratio = reserve_ratio(
        in_custody=statement.quantity(F.IN_CUSTODY),
        custodian_balance=statement.quantity(F.CUSTODIAN_BALANCE),
        minted=statement.quantity(F.MINTED_ON_CHAIN),
    )
    return {
        "format": FORMAT,
        "asset": statement.asset,
        "token": statement.token,
        "chain_id": statement.chain_id,
        "contract": statement.contract,
        "sequence": statement.sequence,
        "previous_hash": statement.previous_hash,
        "block_number": statement.block_number,
        "block_hash": statement.block_hash,
        "block_at": moment(statement.block_at),
        "as_of": moment(statement.as_of),
        "figures": [
            {
                "name": figure.name.value,
                "quantity": plain(figure.quantity),
                "source": figure.source.value,
                "as_of": moment(figure.as_of),
            }
            for figure in statement.figures
        ],
        "ratio": "" if ratio is None else f"{ratio:f}",
        "liabilities": {
            "tree": TREE,
            "root": statement.liabilities.root,
            "plain_root": statement.liabilities.plain_root,
            "total_wei": str(statement.liabilities.total_wei),
            "holders": statement.liabilities.holders,
        },
    }


def canonical(value: Any) -> str:
    """JSON in RFC 8785's form. Raises NotCanonical for what could be read in two ways."""
    _check(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def content_hash(text: str) -> str:
    return "0x" + hashlib.sha256(text.encode()).hexdigest()


def moment(at: datetime) -> str:
    """To the second: 2026-11-24T12:00:00Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def typed_data(said: Mapping[str, Any], *, report_hash: str) -> dict[str, Any]:
    """What the attestor signs, as wallets and eth_account take it. `said` is a report's content."""
    fields = {
        "asset": ("string", said["asset"]),
        "sequence": ("uint256", said["sequence"]),
        "contentHash": ("bytes32", report_hash),
        "previousHash": ("bytes32", said["previous_hash"]),
        "blockNumber": ("uint256", said["block_number"]),
        "blockHash": ("bytes32", said["block_hash"]),
        "minted": ("uint256", _wei(said, F.MINTED_ON_CHAIN)),
        "inCustody": ("uint256", _wei(said, F.IN_CUSTODY)),
        "custodianBalance": ("uint256", _wei(said, F.CUSTODIAN_BALANCE)),
        "owed": ("uint256", int(said["liabilities"]["total_wei"])),
        "holders": ("uint256", said["liabilities"]["holders"]),
        "liabilitiesRoot": ("bytes32", said["liabilities"]["root"]),
        "plainRoot": ("bytes32", said["liabilities"]["plain_root"]),
    }
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "ReserveReport": [{"name": name, "type": kind} for name, (kind, _) in fields.items()],
        },
        "primaryType": "ReserveReport",
        "domain": {
            "name": "Agora Reserve Report",
            "version": "1",
            "chainId": said["chain_id"],
            "verifyingContract": said["contract"],
        },
        "message": {name: value for name, (_, value) in fields.items()},
    }


def as_csv(said: Mapping[str, Any], *, report_hash: str) -> str:
    """One line a figure, each with what it needs to be read alone."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["asset", "sequence", "figure", "quantity", "source", "as_of", "block_number", "report_hash"])
    for figure in said["figures"]:
        row = [figure["name"], figure["quantity"], figure["source"], figure["as_of"]]
        writer.writerow([said["asset"], said["sequence"], *row, said["block_number"], report_hash])
    return out.getvalue()


def _wei(said: Mapping[str, Any], name: F) -> int:
    (quantity,) = (Decimal(figure["quantity"]) for figure in said["figures"] if figure["name"] == name.value)
    return int(quantity.scaleb(TOKEN_DECIMALS))


def _check(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_key(key)
            _check(inner)
    elif isinstance(value, list):
        for inner in value:
            _check(inner)
    elif isinstance(value, bool) or not isinstance(value, str | int):
        raise NotCanonical(f"{value!r} is neither text nor an integer")
    elif isinstance(value, int) and abs(value) > SAFE_INTEGER:
        raise NotCanonical(f"{value} is beyond 53 bits: write it as text")


def _check_key(key: Any) -> None:
    if not isinstance(key, str) or not key.isascii():
        raise NotCanonical(f"{key!r} is no ASCII key: their order would be a matter of opinion")
