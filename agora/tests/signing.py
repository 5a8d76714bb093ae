"""An installation whose keys are a signer's: a process with two local keys, made for one test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.test import override_settings
from eth_keys.datatypes import PrivateKey

from agora.tests.outside import Outside
from agora.tests.world import World, build_world
from custody import signers
from custody.tests.signer_process import SignerProcess, write_config, write_key
from minting.chains.local import ADMIN
from minting.chains.operator import created_address


@contextmanager
def signed_world(outside: Outside, folder: Path) -> Iterator[tuple[World, SignerProcess]]:
    """A fresh installation, and the signer that it asks. The token's address is known before it is deployed."""
    outside.reset()
    nonce = int(outside.rpc("eth_getTransactionCount", ADMIN, "latest"), 16)
    token = created_address(ADMIN, nonce)
    process = SignerProcess(write_config(folder, {"minter": _minter(folder, token), "pauser": _pauser(folder, token)}))
    process.start()
    try:
        with outside.configured(), override_settings(SIGNER_SOCKET=str(process.socket)):
            _forget_signers()
            world = build_world(outside)
            assert world.token.address == token
            yield world, process
    finally:
        _forget_signers()
        process.close()


def _minter(folder: Path, token: str) -> dict[str, Any]:
    scope = {"contract": token, "methods": ["mint"], "max_mint": "100", "max_day": "1000"}
    return _key(folder, "minter", scope)


def _pauser(folder: Path, token: str) -> dict[str, Any]:
    return _key(folder, "pauser", {"contract": token, "methods": ["pauseMinting", "pauseTransfers"]})


def _key(folder: Path, name: str, scope: dict[str, Any]) -> dict[str, Any]:
    key = PrivateKey(os.urandom(32))  # a key of its own each time: the chain outlives a test, and so do its nonces
    address = key.public_key.to_checksum_address()
    fees = {"max_fee_per_gas": 10**15, "max_priority_fee_per_gas": 10**15}
    return {"address": address, "options": write_key(folder, name, key), "scopes": [scope], **fees}


def _forget_signers() -> None:
    signers.get_signer.cache_clear()
    signers.get_stop_signer.cache_clear()
