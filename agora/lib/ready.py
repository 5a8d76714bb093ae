"""When may the next process start? Conditions for `agora.lib.supervisor.Service(ready=…)`, and ports to give away."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import requests


def http_ready(url: str) -> Callable[[], bool]:
    """Ready when a GET is answered with a status below 400."""

    def ready() -> bool:
        try:
            return requests.get(url, timeout=1, allow_redirects=False).status_code < 400
        except requests.RequestException:
            return False

    return ready


def port_ready(port: int) -> Callable[[], bool]:
    """Ready when something listens on the loopback port."""

    def ready() -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return ready


def socket_ready(path: Path) -> Callable[[], bool]:
    """Ready when something listens on the Unix socket."""

    def ready() -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            return probe.connect_ex(str(path)) == 0

    return ready


def file_ready(path: Path) -> Callable[[], bool]:
    """Ready when the file exists. One from an earlier run is removed now, while the service does not run yet."""
    path.unlink(missing_ok=True)
    return path.exists


def free_port() -> int:
    """A loopback port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
