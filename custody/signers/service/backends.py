"""Who holds a key: this process (an encrypted file), or Fireblocks."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from custody.signers.base import Intent, Signed, Submitted
from custody.signers.encoding import assemble, unsigned_transaction
from custody.signers.service import vault
from custody.signers.service.config import ConfigRefused, KeyConfig

if TYPE_CHECKING:
    from eth_keys.datatypes import PrivateKey


class Backend(Protocol):
    def sign(self, intent: Intent, *, request_id: str) -> Signed | Submitted:
        """As custody.signers.base.Signer: Rejected, Unavailable, Uncertain."""


def build(key: KeyConfig) -> Backend:
    """Raises ConfigRefused where the key cannot be had, or is not that of `key.address`."""
    return {"local": _local, "fireblocks": _fireblocks}[key.backend](key)


class LocalKey:
    """A key in this process's memory. RFC 6979 makes the signature a function of the transaction."""

    def __init__(self, private_key: PrivateKey) -> None:
        self._key = private_key
        self.address = str(private_key.public_key.to_checksum_address())

    def sign(self, intent: Intent, *, request_id: str) -> Signed | Submitted:
        signature = self._key.sign_msg_hash(unsigned_transaction(intent).digest)
        return assemble(intent, r=signature.r, s=signature.s, expected_address=self.address)


def _local(key: KeyConfig) -> Backend:
    """An Ethereum keystore (version 3): `keystore`, and `passphrase_file` or the table `vault`."""
    from eth_keyfile import decode_keyfile_json
    from eth_keys.datatypes import PrivateKey

    options = _Options(key)
    keystore = options.file("keystore")
    if "vault" in options.left:
        passphrase = vault.passphrase(options.take("vault"), folder=options.folder, read_secret=read_secret)
    else:
        passphrase = read_secret(options.file("passphrase_file"))
    options.end()
    try:
        private_key = PrivateKey(decode_keyfile_json(json.loads(keystore.read_text()), passphrase.encode()))
    except (OSError, ValueError, KeyError, NotImplementedError) as problem:
        raise ConfigRefused(f"{keystore} cannot be opened: {problem}") from problem
    backend = LocalKey(private_key)
    if backend.address != key.address:
        raise ConfigRefused(f"{keystore} is the key of {backend.address}; keys.{key.name}.address is {key.address}")
    return backend


def _fireblocks(key: KeyConfig) -> Backend:
    """RAW signing by a vault account's key, as an API user of the signer's own."""
    os.environ.setdefault("FIREBLOCKS_SDK_SUPPRESS_DEPRECATION_WARNING", "1")  # ADR 0004: kept on purpose
    from custody.custodians.fireblocks import build_client
    from custody.signers.fireblocks import FireblocksSigner

    options = _Options(key)
    client = build_client(
        api_key=options.text("api_key"),
        private_key_pem=read_secret(options.file("private_key_file")),
        url=options.text("url"),
    )
    vault_id, asset_id = options.text("vault_account"), options.text("asset")
    options.end()
    return FireblocksSigner(client, vault_id=vault_id, asset_id=asset_id, address=key.address)


def read_secret(path: Path) -> str:
    """A file that only its owner can read. Raises ConfigRefused."""
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigRefused(f"{path} can be read by others: chmod 600 it, and replace the secret if that matters.")
        return path.read_text(encoding="utf-8").strip()
    except OSError as problem:
        raise ConfigRefused(f"{path}: {problem}") from problem


class _Options:
    """A backend's table, used up like the others."""

    def __init__(self, key: KeyConfig) -> None:
        self.left: dict[str, Any] = dict(key.options)
        self._where = f"keys.{key.name}.{key.backend}"
        self.folder: Path = self.left.pop("folder")

    def take(self, name: str) -> Mapping[str, Any]:
        value = self.left.pop(name)
        if not isinstance(value, dict):
            raise ConfigRefused(f"{self._where}.{name} is not a table")
        return value

    def text(self, name: str) -> str:
        value = self.left.pop(name, None)
        if not isinstance(value, str) or not value:
            raise ConfigRefused(f"{self._where}.{name} is missing")
        return value

    def file(self, name: str) -> Path:
        return self.folder / self.text(name)

    def end(self) -> None:
        if self.left:
            raise ConfigRefused(f"{self._where}: unknown {sorted(self.left)}")
