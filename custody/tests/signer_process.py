"""The signer as a process, with a key of its own in an encrypted file, for tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from eth_keyfile import create_keyfile_json
from eth_keys.datatypes import PrivateKey

from agora.lib.errors import Unavailable
from custody.signers.remote import RemoteSigner
from custody.signers.service.config import Config, load
from custody.signers.wire import MAX_ANSWER, receive

ROOT = Path(__file__).resolve().parents[2]
PASSPHRASE = "correct horse"
START_WITHIN = 30.0
KEY = PrivateKey(b"\x21" * 32)
ADDRESS = KEY.public_key.to_checksum_address()
TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
LIMITS = {
    "chain_id": 31337,
    "transactions_a_day": 1000,
    "max_gas": 500_000,
    "max_fee_per_gas": 10**12,
    "max_priority_fee_per_gas": 10**12,
}


def write_key(folder: Path, name: str, key: PrivateKey) -> dict[str, str]:
    """An encrypted key file and its passphrase's; the options of a local key."""
    content = create_keyfile_json(key.to_bytes(), PASSPHRASE.encode(), kdf="pbkdf2", iterations=1000)
    (folder / f"{name}.json").write_text(json.dumps(content))
    secret = folder / f"{name}.passphrase"
    secret.write_text(PASSPHRASE)
    secret.chmod(0o600)
    return {"keystore": f"{name}.json", "passphrase_file": secret.name}


def write_config(folder: Path, keys: dict[str, dict[str, Any]], *, uids: tuple[int, ...] = ()) -> Path:
    """`keys`: name → what stands in its table, with `options` (of a local key) and `scopes`."""
    lines = ["version = 1", 'record = "record.sqlite3"', "sandbox = true", "[socket]"]
    lines += [f"uids = {list(uids or (os.getuid(),))}", 'mode = "0600"']
    for name, key in keys.items():
        lines += [f"[keys.{name}]", 'backend = "local"']
        plain = {**LIMITS, **{field: value for field, value in key.items() if field not in ("options", "scopes")}}
        lines += [f"{field} = {json.dumps(value)}" for field, value in plain.items()]
        lines += [f"[keys.{name}.local]"]
        lines += [f"{field} = {json.dumps(value)}" for field, value in key["options"].items()]
        for scope in key["scopes"]:
            lines += [f"[[keys.{name}.scopes]]"]
            lines += [f"{field} = {json.dumps(value)}" for field, value in scope.items()]
    path = folder / "signer.toml"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)
    return path


def minter(folder: Path, *, max_mint: str = "100", max_day: str = "300", **changes: Any) -> dict[str, Any]:
    """A key that mints TOKEN."""
    scope = {"contract": TOKEN, "methods": ["mint"], "max_mint": max_mint, "max_day": max_day}
    return {"address": ADDRESS, "options": write_key(folder, "minter", KEY), "scopes": [scope], **changes}


def config_of(folder: Path, **changes: Any) -> Config:
    return load(write_config(folder, {"minter": minter(folder, **changes)}))


class SignerProcess:
    """`start` returns when it answers. Its socket lies in a short path of its own."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.folder = Path(tempfile.mkdtemp(prefix="signer-"))
        self.socket = self.folder / "s"
        self.log = config.with_name("signer.log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *, crash_at: str = "", prefix: tuple[str, ...] = (), is_heard: bool = True) -> None:
        command = [*prefix, sys.executable, "-m", "custody.signers.service"]
        command += ["--config", str(self.config), "--socket", str(self.socket)]
        env = {**os.environ, "AGORA_SIGNER_CRASH_AT": crash_at, "PYTHONPATH": str(ROOT)}
        self.socket.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=log)
        self.until_ready(is_heard=is_heard)

    def until_ready(self, *, is_heard: bool = True) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_WITHIN
        while not (self._answers() if is_heard else self.socket.exists()):
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def client(self, key: str = "minter") -> RemoteSigner:
        return RemoteSigner(self.socket, key=key)

    def raw(self, data: bytes) -> dict[str, Any]:
        """Bytes as they are; the answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.socket))
            connection.sendall(data)
            return receive(connection, at_most=MAX_ANSWER, deadline=time.monotonic() + START_WITHIN)

    def wait_until_dead(self) -> int:
        assert self._process is not None
        return self._process.wait(START_WITHIN)

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(START_WITHIN)

    def inet_connections(self) -> list[Any]:
        return psutil.Process(self.pid).net_connections(kind="inet")

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def _answers(self) -> bool:
        try:
            return bool(self.client().health())
        except Unavailable:
            return False


@contextmanager
def running(config: Path, **how: Any) -> Iterator[SignerProcess]:
    process = SignerProcess(config)
    try:
        process.start(**how)
        yield process
    finally:
        process.close()
