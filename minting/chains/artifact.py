"""The compiled contract that contracts/ commits."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATH = Path(__file__).resolve().parents[2] / "contracts" / "artifacts" / "RATMintingContract.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    abi: list[dict[str, Any]]
    bytecode: str  # 0x…, what a deployment sends before the constructor's arguments
    deployed_bytecode: str  # 0x…, what lies on the chain, but with zeros where the constructor writes `assetHash`

    def entry(self, kind: str, name: str = "") -> dict[str, Any]:
        """The ABI's one function, event, error or constructor of that name."""
        (found,) = (entry for entry in self.abi if entry["type"] == kind and entry.get("name", "") == name)
        return found


@functools.cache
def load() -> Artifact:
    """Read the artifact once a process."""
    content = json.loads(PATH.read_text(encoding="utf-8"))
    return Artifact(
        abi=content["abi"],
        bytecode=content["bytecode"],
        deployed_bytecode=content["deployedBytecode"],
    )
