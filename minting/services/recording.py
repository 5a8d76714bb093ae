"""The record of a deployment: a file for people and for whoever verifies the contracts; Agora itself goes by its rows.

`contracts/deployments/<chain_id>.json` for a public chain, to be committed; under AGORA_HOME for the local chain, which
is gone with it. A public chain's also tells an empty database which token there is, so that none is made twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from minting.chains import artifact, local
from minting.chains.artifact import ORACLE, TOKEN
from minting.errors import DeploymentStuck

if TYPE_CHECKING:
    from minting.chains.base import Chain
    from minting.models import ContractDeployment
    from minting.services.deploying import TokenPlan

KEYS = {TOKEN: "token", ORACLE: "oracle"}


def path_of(chain_id: int) -> Path:
    directory = settings.LOCAL_DEPLOYMENTS if chain_id in local.CHAIN_IDS else settings.PUBLIC_DEPLOYMENTS
    return Path(directory) / f"{chain_id}.json"


def recorded_contracts(*, symbol: str, chain_id: int, with_oracle: bool) -> dict[str, str] | None:
    """The addresses that a public chain's file has for an asset. DeploymentStuck: it lacks the oracle."""
    if chain_id in local.CHAIN_IDS:
        return None  # an earlier chain's, for all we know
    record = _read(path_of(chain_id)).get("assets", {}).get(symbol)
    if record is None:
        return None
    found = {contract: record[key]["address"] for contract, key in KEYS.items() if record.get(key)}
    if with_oracle and ORACLE not in found:
        raise DeploymentStuck(f"{path_of(chain_id)} has a token without an oracle for {symbol}: register it first.")
    return found


def describe(
    *,
    plan: TokenPlan,
    contracts: Mapping[str, str],
    creations: Mapping[str, ContractDeployment],
    minter: str,
    chain: Chain,
) -> dict[str, Any]:
    """What is to be known of an asset's contracts."""
    record: dict[str, Any] = {
        "roles": {
            "DEFAULT_ADMIN": plan.admin,
            "MINTER": minter,
            "PAUSER": plan.pauser,
            "COMPLIANCE": plan.compliance,
            "RESERVE_ADMIN": plan.reserve_admin,
        },
        "limits": {"minter_allowance_wei": str(plan.minter_allowance_wei), "daily_cap_wei": str(plan.daily_cap_wei)},
    }
    if plan.gate:
        record["reserve_gate"] = {
            "feed": contracts[ORACLE],
            "max_age": plan.gate.max_age,
            "margin_wei": str(plan.gate.margin_wei),
        }
    before = _read(path_of(chain.chain_id())).get("assets", {}).get(plan.symbol, {})
    for contract, address in contracts.items():
        record[KEYS[contract]] = _contract(contract, address, creations, chain) or before.get(KEYS[contract])
    return record


def write(*, chain_id: int, symbol: str, record: Mapping[str, Any]) -> None:
    """Put an asset's record into the chain's file; readers see the old file or the new one."""
    path = path_of(chain_id)
    content = _read(path) or {"chain_id": chain_id, "assets": {}}
    content["assets"][symbol] = record
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    draft.replace(path)


def as_json(value: Any) -> Any:
    """Constructor arguments as JSON: bytes as 0x…."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    return value


def _contract(
    contract: str, address: str, creations: Mapping[str, ContractDeployment], chain: Chain
) -> dict[str, Any] | None:
    """None for a contract that was created by another database's deployment."""
    row = creations.get(contract)
    if row is None or row.address != address:
        return None
    return {
        "contract": contract,
        "address": address,
        "deployer": row.deployer,
        "tx": row.tx_hash,
        "block": chain.receipts([row.tx_hash])[row.tx_hash].block_number,
        "constructor_arguments": row.arguments,
        "code_hash": chain.code_hash(address),
        "template_hash": artifact.load(contract).template_hash,  # immutables zeroed: AUDIT.md's
    }


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
