"""Start the sandbox: `python -m accounts.sandbox --data DIR` (see the package's docstring)."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import os
import secrets
import signal
import socket
import sys
from dataclasses import asdict
from pathlib import Path

from aiohttp import web

from accounts.sandbox.app import build
from accounts.sandbox.keys import Credentials
from accounts.sandbox.store import Store

HOST = "127.0.0.1"
PR_SET_PDEATHSIG = 1  # prctl(2), Linux


def main() -> None:
    options = _options()
    if options.parent:
        _die_with(options.parent)
    options.data.mkdir(parents=True, exist_ok=True)
    store = Store(options.data / "sumsub.sqlite3")
    if options.webhook_url is not None:
        store.change_settings({"webhook_url": options.webhook_url})
    asyncio.run(_serve(build(store, _credentials(options.data / "credentials.json")), options))
    store.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m accounts.sandbox", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the database and the credentials")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--port-file", type=Path, help="written once the server listens")
    parser.add_argument("--webhook-url", help="where each change is told; remembered")
    parser.add_argument("--parent", type=int, help="process id: die when that process, our parent, does")
    return parser.parse_args()


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we asked
        raise SystemExit("The parent process is gone")


def _credentials(path: Path) -> Credentials:
    """Made at the first start."""
    if not path.exists():
        made = Credentials(f"sbx:{secrets.token_urlsafe(24)}", secrets.token_urlsafe(24), secrets.token_urlsafe(24))
        _write(path, json.dumps(asdict(made)))
    return Credentials(**json.loads(path.read_text()))


async def _serve(app: web.Application, options: argparse.Namespace) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    listener = socket.create_server((HOST, options.port), backlog=256)
    await web.SockSite(runner, listener).start()
    if options.port_file:
        _write(options.port_file, str(listener.getsockname()[1]))
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    await runner.cleanup()


def _write(path: Path, content: str) -> None:
    """Whole or not at all, and readable by us only."""
    unfinished = path.with_name(path.name + ".part")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(content)
    unfinished.replace(path)


if __name__ == "__main__":
    main()
