"""Start and steer a misbehaving node from tests and commands, as a process of its own.

with running(directory, upstream=anvil_url) as node:
    EvmChain([node.url], …)
    node.control.settings(lag=3, rate=0.2)                  # see faults.py
    node.control.settings(lies=["no_receipt"])
    node.control.scenario(match={"method": "eth_sendRawTransaction"}, http="timeout_after")
    node.kill(); node.start()                               # same port, same character
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]
START_WITHIN = 20.0  # seconds
STOP_WITHIN = 3.0
TIMEOUT = (2.0, 10.0)


class Control:
    """The control plane (app.py) as methods."""

    def __init__(self, url: str) -> None:
        self._url = url + "/_sandbox"

    def settings(self, **changes: Any) -> dict[str, Any]:
        return dict(self._call("POST", "/settings", json=changes))

    def scenario(self, **scenario: Any) -> int:
        return int(self._call("POST", "/scenario", json=scenario)["id"])

    def reset(self) -> None:
        self._call("POST", "/reset", json={})

    def log(self, *, after: int = 0, kind: str | None = None) -> list[dict[str, Any]]:
        return list(self._call("GET", "/log", params={"after": after} | ({"kind": kind} if kind else {})))

    def stats(self) -> dict[str, Any]:
        """{"requests": HTTP requests, "calls": {method: times}}."""
        return dict(self._call("GET", "/stats"))

    def _call(self, method: str, path: str, **kwargs: Any) -> Any:
        response = requests.request(method, self._url + path, timeout=TIMEOUT, **kwargs)
        if not response.ok:
            raise RuntimeError(f"{method} {path}: {response.text}")
        return response.json()


class Node:
    """A proxy's process and where it is. It dies with the thread that started it (PR_SET_PDEATHSIG)."""

    def __init__(self, data: Path, *, upstream: str, port: int = 0, seed: int = 0) -> None:
        self.data = data.resolve()
        self._upstream, self._port, self._seed = upstream, port, seed
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def control(self) -> Control:
        return Control(self.url)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, and return when it listens; again after a stop or a kill, on the same port."""
        self.data.mkdir(parents=True, exist_ok=True)
        port_file = self.data / "port"
        port_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "minting.sandbox", "--upstream", self._upstream, "--data", str(self.data)]
        command += ["--port", str(self._port), "--port-file", str(port_file)]
        command += ["--seed", str(self._seed), "--parent", str(os.getpid())]
        with (self.data / "output.log").open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  our own command
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self._port = self._wait_for(port_file)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _wait_for(self, port_file: Path) -> int:
        assert self._process is not None
        deadline = time.monotonic() + START_WITHIN
        while time.monotonic() < deadline:
            if port_file.exists():
                return int(port_file.read_text())
            if self._process.poll() is not None:
                break
            time.sleep(0.01)
        self.kill()
        tail = (self.data / "output.log").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"The misbehaving node did not start:\n{tail}")


@contextmanager
def running(data: Path, *, upstream: str, port: int = 0, seed: int = 0) -> Iterator[Node]:
    node = Node(data, upstream=upstream, port=port, seed=seed)
    node.start()
    try:
        yield node
    finally:
        node.stop()
