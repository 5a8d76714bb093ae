"""Start and steer the sandbox from tests and commands, as a process of its own.

with running(directory, webhook_url="http://127.0.0.1:8000/webhooks/sumsub") as sandbox:
    SumsubProvider(url=sandbox.url, **sandbox.api_credentials, level="agora-light")
    sandbox.control.review("agora-customer-…", reviewAnswer="RED", reviewRejectType="FINAL")
"""

from __future__ import annotations

import hashlib
import hmac
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

    def scenario(self, *, endpoint: str, times: int = 1, **http: Any) -> None:
        self._call("POST", "/scenario", json={"endpoint": endpoint, "times": times, "http": http})

    def review(self, external_user_id: str, **result: Any) -> None:
        self._call("POST", "/review", json={"external_user_id": external_user_id, "result": result})

    def settings(self, **changes: Any) -> dict[str, Any]:
        return dict(self._call("POST", "/settings", json=changes))

    def reset(self) -> None:
        self._call("POST", "/reset")

    def log(self, *, after: int = 0, kind: str | None = None) -> list[dict[str, Any]]:
        return list(self._call("GET", "/log", params={"after": after} | ({"kind": kind} if kind else {})))

    def _call(self, method: str, path: str, **kwargs: Any) -> Any:
        response = requests.request(method, self._url + path, timeout=TIMEOUT, **kwargs)
        if not response.ok:
            raise RuntimeError(f"{method} {path}: {response.text}")
        return response.json()


class Sandbox:
    """A sandbox process and where it is. It dies with the thread that started it (PR_SET_PDEATHSIG)."""

    def __init__(self, data: Path, *, port: int = 0, webhook_url: str = "") -> None:
        self.data = data.resolve()
        self._port = port
        self._webhook_url = webhook_url
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def control(self) -> Control:
        return Control(self.url)

    @property
    def credentials(self) -> dict[str, str]:
        return dict(json.loads((self.data / "credentials.json").read_bytes()))

    def sign_webhook(self, body: bytes) -> dict[str, str]:
        """The headers with which Sumsub would send this body."""
        digest = hmac.new(self.credentials["webhook_secret"].encode(), body, hashlib.sha256).hexdigest()
        return {"X-Payload-Digest": digest, "X-Payload-Digest-Alg": "HMAC_SHA256_HEX"}

    def start(self) -> None:
        """Start, and return when it listens; again after a kill, on the same port."""
        self.data.mkdir(parents=True, exist_ok=True)
        port_file = self.data / "port"
        port_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "accounts.sandbox", "--data", str(self.data), "--port", str(self._port)]
        command += ["--port-file", str(port_file), "--parent", str(os.getpid()), "--webhook-url", self._webhook_url]
        with (self.data / "output.log").open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  our own command
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        deadline = time.monotonic() + START_WITHIN
        while not port_file.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                tail = (self.data / "output.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"The Sumsub sandbox did not start:\n{tail}")
            time.sleep(0.01)
        self._port = int(port_file.read_text())

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
def running(data_dir: Path, port: int = 0, webhook_url: str = "") -> Iterator[Sandbox]:
    sandbox = Sandbox(data_dir, port=port, webhook_url=webhook_url)
    sandbox.start()
    try:
        yield sandbox
    finally:
        sandbox.stop()
