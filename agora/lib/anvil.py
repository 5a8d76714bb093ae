"""The local chain: finds Foundry's anvil, says how it is started, and runs one for as long as a test needs it.

The flags are those that hold together in anvil 1.7.1. Its default hard fork slows every block as history grows, and
without a cap history fills the home directory. `--state` survives SIGKILL up to the last interval, without the mempool;
SIGTERM writes it first. A finalized block is two epochs (8 blocks) behind the head.
"""

from __future__ import annotations

import ctypes
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

HOST = "127.0.0.1"
CHAIN_ID = 31337
CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
PACKAGED = CONTRACTS / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
START_WITHIN = 10.0  # seconds; 0.1 is usual

_PR_SET_PDEATHSIG = 1  # prctl(2)
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded here: a forked child must not import


class AnvilError(RuntimeError):
    """There is no anvil to run, or it did not start. The message says what to do."""


def find(explicit: str = "") -> str:
    """The path of anvil: the one that was named, else npm's, else the one on PATH."""
    if explicit:
        if not os.access(explicit, os.X_OK):
            raise AnvilError(f"{explicit!r} is not a program: correct AGORA_ANVIL, or unset it")
        return explicit
    if os.access(PACKAGED, os.X_OK):
        return str(PACKAGED)
    if on_path := shutil.which("anvil"):
        return on_path
    raise AnvilError("There is no anvil: run `npm ci` in contracts/, put anvil 1.7.1 on PATH, or set AGORA_ANVIL")


def command(
    *,
    port: int,
    cache_dir: Path,
    chain_id: int = CHAIN_ID,
    block_time: int | None = None,
    state_file: Path | None = None,
    epoch_slots: int = 4,
    binary: str = "",
) -> list[str]:
    """The command line of a local chain.

    `block_time`: a block every so many seconds, and only then, so that a wait is as long as on a real chain; None: a
    block as soon as a transaction arrives. `evm_mine` adds one at once in either. `state_file`: where the chain is kept
    between runs (its directory must exist); `cache_dir`: history that has left memory, worthless after the run.
    `epoch_slots`: half as many blocks as a block needs above it to be `finalized`.
    """
    arguments = [find(binary), "--host", HOST, "--port", str(port), "--chain-id", str(chain_id), "--quiet"]
    arguments += ["--hardfork", "cancun", "--slots-in-an-epoch", str(epoch_slots)]
    arguments += ["--max-persisted-states", "64", "--cache-path", str(cache_dir)]
    if block_time is not None:
        arguments += ["--block-time", str(block_time)]
    if state_file is not None:
        arguments += ["--state", str(state_file), "--state-interval", "5"]
    return arguments


@contextmanager
def running(
    *,
    port: int | None = None,
    chain_id: int = CHAIN_ID,
    block_time: int | None = None,
    state_file: Path | None = None,
    binary: str = "",
) -> Iterator[str]:
    """A local chain for the length of a `with` block, on a free port unless told which; yields its URL.

    It ends with SIGKILL, at the end of the block or with the thread that started it, whichever comes first.
    """
    with tempfile.TemporaryDirectory(prefix="agora-anvil-") as directory:
        port = _free_port(port or 0)
        arguments = command(
            port=port,
            cache_dir=Path(directory, "cache"),
            chain_id=chain_id,
            block_time=block_time,
            state_file=state_file,
            binary=binary,
        )
        log = Path(directory, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own arguments
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in a terminal is for us, not for it
                preexec_fn=_die_with_parent,
            )
        try:
            _wait_until_listening(process, port, log)
            yield f"http://{HOST}:{port}"
        finally:
            process.kill()
            process.wait()


def _free_port(wanted: int) -> int:
    """That port if nobody listens there (who answers would be taken for our chain), any free one for 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was only just left is free
        try:
            probe.bind((HOST, wanted))
        except OSError as error:
            raise AnvilError(f"port {wanted} is taken: end what listens there, or choose another") from error
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    """In the child, before exec: the kernel kills it when the thread that forked it ends, however that ends."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.01)
    said = log.read_text(errors="replace").strip()[-500:]
    raise AnvilError(f"anvil did not start on port {port}: {said or 'it said nothing'}")
