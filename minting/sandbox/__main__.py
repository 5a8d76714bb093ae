"""Start the proxy: `python -m minting.sandbox --upstream URL --data DIR` (see the package's docstring)."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import signal
import socket
import sys
from pathlib import Path

from aiohttp import web

from minting.sandbox.app import Log, build
from minting.sandbox.faults import Faults

HOST = "127.0.0.1"
PR_SET_PDEATHSIG = 1  # prctl(2), Linux


def main() -> None:
    options = _options()
    if options.parent:
        _die_with(options.parent)
    options.data.mkdir(parents=True, exist_ok=True)
    faults = Faults(options.data / "state.json", seed=options.seed)
    asyncio.run(_serve(build(options.upstream, faults, Log(options.data / "log.jsonl")), options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m minting.sandbox", description=__doc__)
    parser.add_argument("--upstream", required=True, help="URL of the honest node")
    parser.add_argument("--data", type=Path, required=True, help="directory of its settings and its log")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--port-file", type=Path, help="written once the server listens")
    parser.add_argument("--seed", type=int, default=0, help="of what goes wrong by chance")
    parser.add_argument("--parent", type=int, help="process id: die when that process, our parent, does")
    return parser.parse_args()


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we asked
        raise SystemExit("The parent process is gone")


async def _serve(app: web.Application, options: argparse.Namespace) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    listener = socket.create_server((HOST, options.port), backlog=256)
    await web.SockSite(runner, listener).start()
    if options.port_file:
        unfinished = options.port_file.with_suffix(".part")
        unfinished.write_text(str(listener.getsockname()[1]))
        unfinished.replace(options.port_file)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    await runner.cleanup()


if __name__ == "__main__":
    main()
