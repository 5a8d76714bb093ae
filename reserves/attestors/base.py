"""The attestor port: whoever puts their name to what is in custody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """ReserveOracle.sol's struct."""

    chain_id: int
    consumer: str  # the token
    asset_hash: bytes  # keccak256 of the ticker
    reserves_wei: int  # shares, with 18 decimals
    as_of: int  # seconds since 1970, by the chain's clock
    valid_until: int
    sequence: int

    def as_tuple(self) -> tuple[object, ...]:
        """In the struct's order."""
        subject = (self.chain_id, self.consumer, self.asset_hash)
        return (*subject, self.reserves_wei, self.as_of, self.valid_until, self.sequence)


class Attestor(Protocol):
    @property
    def address(self) -> str: ...

    def attest(self, report: Report, *, oracle: str) -> bytes:
        """Its signature (65 bytes) over the report, for that oracle (EIP-712).

        An attestor who is somebody else looks at the custodian's books for itself before it signs. Rejected: it will
        not sign this. Unavailable, Uncertain: ask again; a report that is signed twice is one report.
        """


def typed_data(report: Report, *, oracle: str) -> dict[str, Any]:
    """What is signed, as wallets and eth_account take it."""
    fields = {
        "chainId": ("uint256", report.chain_id),
        "consumer": ("address", report.consumer),
        "assetHash": ("bytes32", report.asset_hash),
        "reserves": ("uint112", report.reserves_wei),
        "asOf": ("uint48", report.as_of),
        "validUntil": ("uint48", report.valid_until),
        "sequence": ("uint48", report.sequence),
    }
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Report": [{"name": name, "type": kind} for name, (kind, _) in fields.items()],
        },
        "primaryType": "Report",
        "domain": {
            "name": "Agora ReserveOracle",
            "version": "1",
            "chainId": report.chain_id,
            "verifyingContract": oracle,
        },
        "message": {name: value for name, (_, value) in fields.items()},
    }
