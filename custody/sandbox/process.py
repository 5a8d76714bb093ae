"""Start and steer the sandbox from tests and commands, as a process of its own.

with running(directory, webhook_url="http://127.0.0.1:8000/webhooks/fireblocks") as sandbox:
    FireblocksCustodian(url=sandbox.url, jwks_url=sandbox.jwks_url, …)
    sandbox.control.scenario(match={"operation": "RAW"}, http={"fault": "timeout", "when": "after"})
    sandbox.kill(); sandbox.start()      # same port, same data
"""

from __future__ import annotations

import json
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
    """The control plane (control.py) as methods."""

    def __init__(self, url: str) -> None:
        self._url = url + "/_sandbox"

    def scenario(self, **scenario: Any) -> int:
        return int(self._call("POST", "/scenario", json=scenario)["id"])

    def clear_scenarios(self) -> None:
        self._call("DELETE", "/scenarios")

    def release(self, transaction: str) -> None:
        self._call("POST", f"/transactions/{transaction}/release")

    def credit(self, *, vault: str, asset: str, amount: str) -> dict[str, Any]:
        return dict(self._call("POST", "/credit", json={"vault": vault, "asset": asset, "amount": amount}))

    def settings(self, **changes: Any) -> dict[str, Any]:
        return dict(self._call("POST", "/settings", json=changes))

    def reset(self) -> None:
        self._call("POST", "/reset")

    def log(
        self, *, after: int = 0, kind: str | None = None, external_tx_id: str | None = None
    ) -> list[dict[str, Any]]:
        entries = self._call("GET", "/log", params={"after": after} | ({"kind": kind} if kind else {}))
        return [entry for entry in entries if external_tx_id in (None, entry.get("external_tx_id"))]

    def rotate_webhook_key(self) -> str:
        return str(self._call("POST", "/webhooks/rotate")["kid"])

    def sign_webhook(self, body: bytes) -> str:
        return str(self._call("POST", "/webhooks/sign", data=body)["signature"])

    def _call(self, method: str, path: str, **kwargs: Any) -> Any:
        response = requests.request(method, self._url + path, timeout=TIMEOUT, **kwargs)
        if not response.ok:
            raise RuntimeError(f"{method} {path}: {response.text}")
        return response.json()


class Sandbox:
    """A sandbox process and where it is. It dies with the thread that started it (PR_SET_PDEATHSIG)."""

    def __init__(self, data: Path, *, port: int = 0, **options: str) -> None:
        self.data = data.resolve()
        self._port = port
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def jwks_url(self) -> str:
        return self.url + "/.well-known/jwks.json"

    @property
    def api_key(self) -> str:
        return self._options.get("api_key") or json.loads((self.data / "credentials.json").read_bytes())["api_key"]

    @property
    def private_key_file(self) -> Path:
        return self.data / "api_private_key.pem"

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
        arguments = {"data": self.data, "port": self._port, "port-file": port_file, "parent": os.getpid()}
        arguments |= {name.replace("_", "-"): value for name, value in self._options.items()}
        command = [sys.executable, "-m", "custody.sandbox"]
        for name, value in arguments.items():
            command += [f"--{name}", str(value)]
        with (self.data / "output.log").open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  our own command
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self._port = self._wait_for(port_file)

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
        raise RuntimeError(f"The Fireblocks sandbox did not start:\n{tail}")

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


@contextmanager
def running(data_dir: Path, port: int = 0, **options: str) -> Iterator[Sandbox]:
    """A running sandbox. Options are those of the command line: api_key, public_key, webhook_url."""
    sandbox = Sandbox(data_dir, port=port, **options)
    sandbox.start()
    try:
        yield sandbox
    finally:
        sandbox.stop()
