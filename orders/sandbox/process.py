"""Start the sandbox from a test or a command, and talk to its control plane."""

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
START_TIMEOUT = 20.0


class Control:
    """The control plane: every method is one call; ControlRefused with the reason where it makes no sense."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the environment has nothing to do with loopback

    def scenario(self, *steps: dict[str, Any], times: int | None = 1, **match: Any) -> None:
        """`control.scenario({"do": "hold"}, client_order_id="a")`; steps and match: `orders.sandbox.scenarios`."""
        self._post("scenario", {"match": match, "times": times, "steps": list(steps)})

    def settings(self, **changes: Any) -> dict[str, Any]:
        return self._post("settings", changes)

    def market(self, *, is_open: bool) -> None:
        self._post("market", {"open": is_open})

    def reset(self) -> None:
        self._post("reset", {})

    def order(self, order_id: str, what: str, **fields: Any) -> dict[str, Any]:
        """Drive an order by hand: fill, cancel, expire, reject, bust, correct, status, say. Returns the order."""
        return self._post(f"orders/{order_id}/{what}", fields)

    def emit(self, **message: Any) -> None:
        """`raw="…"`, `json={…}`, or `event="…", order_id="…", fields={…}`."""
        self._post("emit", message)

    def disconnect(self) -> None:
        self._post("disconnect", {})

    def listening(self) -> int:
        """How many stream connections listen."""
        return int(self._answer(self._session.get(f"{self._url}/_sandbox/health", timeout=5))["listening"])

    def log(self, kind: str = "", *, after: int = 0, **wanted: Any) -> list[dict[str, Any]]:
        """What happened: kind "request" or "effect", filtered by fields: `log("effect", effect="order_created")`."""
        answer = self._session.get(f"{self._url}/_sandbox/log", params={"after": after}, timeout=30)
        entries: list[dict[str, Any]] = self._answer(answer)["log"]
        wanted |= {"kind": kind} if kind else {}
        return [entry for entry in entries if wanted.items() <= entry.items()]

    def close(self) -> None:
        self._session.close()

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._answer(self._session.post(f"{self._url}/_sandbox/{path}", json=body, timeout=5))

    def _answer(self, response: requests.Response) -> dict[str, Any]:
        if response.status_code != 200:
            raise ControlRefused(f"{response.status_code} {response.text}")
        answer: dict[str, Any] = response.json()
        return answer


class ControlRefused(AssertionError):
    """The sandbox was told something that it cannot do."""


class Sandbox:
    """A running sandbox."""

    key_id = "sandbox-key"
    secret_key = "sandbox-secret"  # noqa: S105

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"  # Trading and data API alike, without /v2
        self.data_url = self.url
        self.stream_url = f"ws://127.0.0.1:{port}/stream"
        self.control = Control(self.url)


@contextmanager
def running(data_dir: Path, port: int = 0, **options: str) -> Iterator[Sandbox]:
    """The sandbox as a child process, accepting connections; ended on the way out, its data kept.

    `options`: key_id, secret_key. It also ends when the thread that started it does (PR_SET_PDEATHSIG is the
    thread's, so start it from one that stays). Its output goes to `sandbox.log` in the data folder.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    port_file = data_dir / "port"
    port_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "orders.sandbox", "--port", str(port), "--data", str(data_dir)]
    command += ["--port-file", str(port_file), "--parent", str(os.getpid())]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", value]
    with (data_dir / "sandbox.log").open("ab") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)  # noqa: S603
    try:
        sandbox = Sandbox(process, _await_port(process, port_file, data_dir))
        try:
            yield sandbox
        finally:
            sandbox.control.close()
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_port(process: subprocess.Popen[bytes], port_file: Path, data_dir: Path) -> int:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if port_file.exists():
            return int(port_file.read_text())
        if process.poll() is not None:
            break
        time.sleep(0.02)
    words = (data_dir / "sandbox.log").read_text()[-2000:]
    raise RuntimeError(f"the Alpaca sandbox did not start (exit {process.poll()}): {words}")
