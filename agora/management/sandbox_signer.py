"""The sandbox's signer: its keys, and a configuration as an operator would write one (docs/signer.md)."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from agora.lib.platform import SIGNER_API_KEY
from custody.signers import minting_vault
from minting.chains import get_chain

KEY_STRETCHING = 262_144  # rounds of PBKDF2, as other Ethereum software writes
MAX_MINT = "1000"  # shares: no order of the sandbox is larger


@dataclass(frozen=True, kw_only=True)
class SandboxKeys:
    vault_account: str
    minter: str
    pauser: str


def make_keys() -> SandboxKeys:
    """The minting key is Fireblocks'; the pauser's is made once, in an encrypted file with its passphrase beside it."""
    vault_account, minter = minting_vault()
    return SandboxKeys(vault_account=vault_account, minter=minter, pauser=_ensure_pauser())


def write_config(keys: SandboxKeys, *, contracts: list[str]) -> None:
    folder = _folder()
    first_nonce = 0 if (folder / "record.sqlite3").exists() else get_chain().next_nonce(keys.minter)
    private_key = Path(settings.FIREBLOCKS_PRIVATE_KEY_FILE).with_name("signer_private_key.pem")
    day = settings.TOKEN_DAILY_MINT_CAP
    lines = [
        "# Written by setup_sandbox at each start. docs/signer.md says what each line means.",
        *("version = 1", 'record = "record.sqlite3"', "sandbox = true"),
        *("[socket]", 'mode = "0600"', f"uids = [{os.getuid()}]"),
        *("[keys.minter]", 'backend = "fireblocks"', *_limits(keys.minter, gas=500_000, a_day=1_000_000)),
        *(f"first_nonce = {first_nonce}", "nonces_ahead = 1000", "[keys.minter.fireblocks]"),
        *(f"url = {_text(settings.FIREBLOCKS_URL)}", f"api_key = {_text(SIGNER_API_KEY)}"),
        *(f"private_key_file = {_text(str(private_key))}", f"vault_account = {_text(keys.vault_account)}"),
        f"asset = {_text(settings.FIREBLOCKS_GAS_ASSET)}",
        *_scopes("minter", contracts, 'methods = ["mint"]', f'max_mint = "{MAX_MINT}"', f"max_day = {_text(day)}"),
        *("[keys.pauser]", 'backend = "local"', *_limits(keys.pauser, gas=100_000, a_day=100)),
        *("[keys.pauser.local]", 'keystore = "pauser.json"', 'passphrase_file = "pauser.passphrase"'),
        *_scopes("pauser", contracts, 'methods = ["pauseMinting", "pauseTransfers"]'),
    ]
    _write(folder / "signer.toml", "\n".join(lines) + "\n")


def _limits(address: str, *, gas: int, a_day: int) -> list[str]:
    fees = [f"max_fee_per_gas = {10**13}", f"max_priority_fee_per_gas = {10**13}"]
    place = [f'address = "{address}"', f"chain_id = {settings.CHAIN_ID}"]
    return [*place, f"transactions_a_day = {a_day}", f"max_gas = {gas}", *fees]


def _scopes(key: str, contracts: list[str], *lines: str) -> list[str]:
    return [line for one in contracts for line in (f"[[keys.{key}.scopes]]", f'contract = "{one}"', *lines)]


def _ensure_pauser() -> str:
    """Its address. The key file is written last: it says that the passphrase is there."""
    from eth_keyfile import create_keyfile_json
    from eth_keys.datatypes import PrivateKey
    from eth_utils import to_checksum_address

    path = _folder() / "pauser.json"
    if not path.exists():
        key, passphrase = PrivateKey(secrets.token_bytes(32)), secrets.token_urlsafe(24)
        _write(path.with_name("pauser.passphrase"), passphrase)
        content = create_keyfile_json(key.to_bytes(), passphrase.encode(), kdf="pbkdf2", iterations=KEY_STRETCHING)
        _write(path, json.dumps(content))
    return str(to_checksum_address(json.loads(path.read_text())["address"]))


def _folder() -> Path:
    return Path(settings.AGORA_HOME) / "signer"


def _text(value: str) -> str:
    return json.dumps(value)  # a basic string of TOML, for what stands in ours


def _write(path: Path, content: str) -> None:
    """Whole or not at all, and for us only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(content)
    draft.replace(path)
