"""The compiled contracts that contracts/ commits."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils import keccak

DIRECTORY = Path(__file__).resolve().parents[2] / "contracts" / "artifacts"
TOKEN = "RATMintingContract"  # noqa: S105 - a contract's name
ORACLE = "ReserveOracle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    abi: list[dict[str, Any]]
    bytecode: str  # 0x…, what a deployment sends before the constructor's arguments
    deployed_bytecode: str  # 0x…, what lies on the chain, but with zeros where the constructor writes immutables
    immutables: tuple[tuple[int, int], ...]  # those places: start and length, in bytes

    def entry(self, kind: str, name: str = "") -> dict[str, Any]:
        """The ABI's one function, event, error or constructor of that name."""
        (found,) = (entry for entry in self.abi if entry["type"] == kind and entry.get("name", "") == name)
        return found

    @property
    def template_hash(self) -> str:
        """keccak256 of the runtime code with its immutables zeroed: what an audit signs off (MVP-010)."""
        return self.template_hash_of(bytes.fromhex(self.deployed_bytecode[2:]))

    def template_hash_of(self, deployed: bytes) -> str:
        """The same of code that lies on a chain: equal if it is of the same source, whatever its arguments."""
        code = bytearray(deployed)
        for start, length in self.immutables:
            code[start : start + length] = bytes(length)
        return "0x" + keccak(bytes(code)).hex()


@functools.cache
def load(contract: str = TOKEN) -> Artifact:
    """Read an artifact once a process."""
    content = json.loads((DIRECTORY / f"{contract}.json").read_text(encoding="utf-8"))
    return Artifact(
        abi=content["abi"],
        bytecode=content["bytecode"],
        deployed_bytecode=content["deployedBytecode"],
        immutables=tuple((place["start"], place["length"]) for place in content["immutables"]),
    )
