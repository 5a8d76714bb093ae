"""python -m orders.sandbox: see the package's docstring."""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import socket
import sys
from pathlib import Path

from aiohttp import web

from orders.sandbox.app import build

PR_SET_PDEATHSIG = 1


def main() -> None:
    options = _options()
    if options.parent:
        _die_with(options.parent)
    app = build(data=options.data, key_id=options.key_id, secret_key=options.secret_key)

    async def announce(_: web.Application) -> None:
        if options.port_file:
            partial = options.port_file.with_suffix(".partial")
            partial.write_text(f"{listener.getsockname()[1]}\n")
            partial.replace(options.port_file)

    listener = _listen(options.port)
    app.on_startup.append(announce)
    web.run_app(app, sock=listener, access_log=None, print=None, shutdown_timeout=0.5)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m orders.sandbox", description="A local copy of Alpaca's API.")
    parser.add_argument("--port", type=int, default=8101, help="0: any free one, told in --port-file")
    parser.add_argument("--data", type=Path, required=True, help="folder of the storage")
    parser.add_argument("--port-file", type=Path, help="written once connections are accepted")
    parser.add_argument("--key-id", default="sandbox-key")
    parser.add_argument("--secret-key", default="sandbox-secret")
    parser.add_argument("--parent", type=int, help="die when this process does")
    return parser.parse_args()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


def _die_with(parent: int) -> None:
    """Have the kernel kill us when the parent dies (Linux); at once if it is already gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent is gone")


if __name__ == "__main__":
    main()
