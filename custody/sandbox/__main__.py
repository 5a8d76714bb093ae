"""Start the sandbox: `python -m custody.sandbox --data DIR` (see the package's docstring)."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import os
import signal
import socket
import sys
import uuid
from pathlib import Path

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from custody.sandbox.app import build
from custody.sandbox.auth import Authenticator
from custody.sandbox.store import Store

HOST = "127.0.0.1"
PR_SET_PDEATHSIG = 1  # prctl(2), Linux


def main() -> None:
    options = _options()
    if options.parent:
        _die_with(options.parent)
    options.data.mkdir(parents=True, exist_ok=True)
    api_key, public_key_file = options.api_key, options.public_key
    if public_key_file is None:
        api_key, public_key_file = _own_credentials(options.data, api_key)
    store = Store(options.data / "fireblocks.sqlite3")
    if options.webhook_url is not None:
        store.change_settings({"webhook_url": options.webhook_url})
    users = {api_key: public_key_file}
    if options.signer_api_key:
        users[options.signer_api_key] = _key_pair(options.data, "signer")[1]
    app = build(store, Authenticator(store, public_key_files=users, signer=options.signer_api_key))
    asyncio.run(_serve(app, options))
    store.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m custody.sandbox", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the database and the keys")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--port-file", type=Path, help="written once the server listens")
    parser.add_argument("--api-key", default="", help="the API user's id; made up when absent")
    parser.add_argument(
        "--public-key", type=Path, help="the API user's key (PEM); a pair is made in --data when absent"
    )
    parser.add_argument(
        "--signer-api-key", default="", help="a second API user, the only one who may sign RAW; its pair is in --data"
    )
    parser.add_argument("--webhook-url", help="where each status change is told; remembered")
    parser.add_argument("--parent", type=int, help="process id: die when that process, our parent, does")
    options = parser.parse_args()
    if options.public_key and not options.api_key:
        parser.error("--public-key needs --api-key")
    return options


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we asked
        raise SystemExit("The parent process is gone")


def _own_credentials(data: Path, api_key: str) -> tuple[str, Path]:
    """The key pair and API key of the first start, in credentials.json and two PEM files."""
    private_file, public_file = _key_pair(data, "api")
    credentials_file = data / "credentials.json"
    if not credentials_file.exists():
        credentials = {"api_key": api_key or str(uuid.uuid4()), "private_key_file": str(private_file.resolve())}
        _write(credentials_file, json.dumps(credentials).encode())
    kept = json.loads(credentials_file.read_bytes())["api_key"]
    if api_key and api_key != kept:
        raise SystemExit(f"--api-key {api_key} is not the one in {credentials_file}")
    return kept, public_file


def _key_pair(data: Path, name: str) -> tuple[Path, Path]:
    """Private and public key, made at the first start. The public one is written last: it says that both are there."""
    private_file, public_file = data / f"{name}_private_key.pem", data / f"{name}_public_key.pem"
    if not public_file.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        _write(private_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        _write(public_file, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private_file, public_file


async def _serve(app: web.Application, options: argparse.Namespace) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    listener = socket.create_server((HOST, options.port), backlog=256)
    await web.SockSite(runner, listener).start()
    if options.port_file:
        _write(options.port_file, str(listener.getsockname()[1]).encode())
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    await runner.cleanup()


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and readable by us only: some of these are keys."""
    unfinished = path.with_name(path.name + ".part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    unfinished.replace(path)


if __name__ == "__main__":
    main()
