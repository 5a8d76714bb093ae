"""The two web servers that are compared, each as it would be deployed in the small profile: one process."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agora.lib.embedded import server
from agora.lib.ready import free_port, port_ready
from bench.waiting import until

ROOT = Path(__file__).resolve().parent.parent
STAY_GOOD = dict.fromkeys(("PRICE_MAX_AGE", "PRICE_FRESH", "PRICE_MAX_UNTRADED", "MARKET_CLOCK_MAX_AGE"), "1000000")


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    port: int
    pid: int


@contextmanager
def agora(home: Path) -> Iterator[Server]:
    """As `agora.lib.platform.web_service` starts it."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "agora.wsgi", "--chdir", str(ROOT), "--threads", "4"]
    command += ["--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    with _running("agora", command, port, home, {"AGORA_MODE": "sandbox", "AGORA_HOME": str(home), **STAY_GOOD}) as one:
        yield one


@contextmanager
def peer(home: Path, python: Path) -> Iterator[Server]:
    """uvicorn with uvloop and httptools, its fastest."""
    port = free_port()
    socket = server.socket_directory(home)
    url = f"postgresql+asyncpg://{server.SUPERUSER}@/agora?host={socket}"
    command = [str(python), "-m", "uvicorn", "bench.peer_fastapi.app:app", "--port", str(port)]
    command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    with _running("peer", command, port, home, {"PEER_DATABASE_URL": url, **STAY_GOOD}) as one:
        yield one


def peer_python(base: Path) -> Path:
    """The interpreter of the peer's virtual environment, made from its hashed lock on first use. RuntimeError."""
    folder, lock = base / "peer-venv", ROOT / "bench" / "requirements.txt"
    python, installed = folder / "bin" / "python", folder / "installed.txt"
    if not installed.exists() or installed.read_text() != lock.read_text():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command = [*pip, "--require-hashes", "-r", str(lock)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise RuntimeError(f"the peer's libraries could not be installed: {done.stderr[-2000:]}")
        installed.write_text(lock.read_text())
    return python


@contextmanager
def _running(name: str, command: list[str], port: int, home: Path, env: Mapping[str, str]) -> Iterator[Server]:
    with (home / f"{name}.log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command, cwd=ROOT, env={**os.environ, **env}, stdout=log, stderr=log
        )
        try:
            until(port_ready(port), within=120, what=f"{name} listens (log: {home / f'{name}.log'})")
            yield Server(name, port, process.pid)
        finally:
            process.terminate()
            process.wait(timeout=30)
