"""A platform, Debian's Prometheus and Alertmanager that watch it, and somebody on call (`make alerts`)."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from agora.lib.ready import free_port
from agora.tests import e2e
from agora.tests.alerts import programs, rules

TOKEN = "drill"
SETTINGS = {
    **e2e.HASTE,
    "METRICS_TOKEN": TOKEN,
    "BUDGETS_EVERY": "1",
    "PRICES_EVERY": "1",
    "MARKET_CLOCK_EVERY": "1",
    "RESERVE_VALIDITY": "60",
    "RESERVE_MAX_AGE": "3600",
}
EVERY = "5s"  # between two scrapes
SOON = 90.0  # seconds within which an alert is expected


class Drill:
    """What is wrong with the platform, as Alertmanager knows it."""

    def __init__(self, platform: e2e.Platform, prometheus: str, alertmanager: str, told: list[dict[str, Any]]) -> None:
        self.platform, self.prometheus, self.alertmanager = platform, prometheus, alertmanager
        self.told = told  # what reached somebody on call
        self.seen: set[str] = set()

    def firing(self) -> dict[str, dict[str, str]]:
        """The alerts that fire now, by name: their labels (of one of each name)."""
        answer = requests.get(f"{self.alertmanager}/api/v2/alerts", timeout=10).json()
        found = {alert["labels"]["alertname"]: alert["labels"] for alert in answer}
        self.seen |= found.keys()
        return found

    def expect(self, *names: str, within: float = SOON) -> None:
        """All of them fire."""
        self._until(lambda: names and set(names) <= self.firing().keys(), within, lambda: self._missing(names))

    def gone(self, *names: str, within: float = 2 * SOON) -> None:
        """None of them fires any more."""
        self._until(lambda: not set(names) & self.firing().keys(), within, lambda: f"still: {self.firing()}")

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """What Prometheus answers. AssertionError with its words where it cannot read the expression."""
        answer = requests.get(f"{self.prometheus}/api/v1/query", params={"query": expression}, timeout=10).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        return list(answer["data"]["result"])

    def _missing(self, names: tuple[str, ...]) -> str:
        wanted = set(names) - self.firing().keys()
        known = {rule["alert"]: rule["expr"] for rule in rules.alerts(rules.for_a_drill())}
        words = [f"{name}: {known[name]} is {self.ask(_left(known[name]))}" for name in wanted]
        targets = requests.get(f"{self.prometheus}/api/v1/targets", timeout=10).json()["data"]["activeTargets"]
        return "\n".join([*words, *(f"{target['health']} {target['lastError']}" for target in targets)])

    @staticmethod
    def _until(look: Callable[[], Any], within: float, describe: Callable[[], str]) -> None:
        deadline = time.monotonic() + within
        while not look():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within:g} s\n{describe()}")
            time.sleep(0.5)


@pytest.fixture(scope="session")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    found = programs.find()
    home = tmp_path_factory.mktemp("drill")
    told: list[dict[str, Any]] = []
    with (
        e2e.running(tmp_path_factory.mktemp("platform"), **SETTINGS) as platform,
        _somebody_on_call(told) as phone,
        _alertmanager(found, home, phone) as alertmanager,
        _prometheus(found, home, platform, alertmanager) as prometheus,
    ):
        yield Drill(platform, prometheus, alertmanager, told)


@contextmanager
def _prometheus(found: dict[str, str], home: Path, platform: e2e.Platform, alertmanager: str) -> Iterator[str]:
    """With the repository's own configuration but for addresses and times."""
    config = yaml.safe_load((rules.HOME / "prometheus" / "prometheus.yml").read_text())
    (home / "alerts.yml").write_text(yaml.safe_dump(rules.for_a_drill()))
    (home / "token").write_text(TOKEN)
    config["global"] |= {"scrape_interval": EVERY, "scrape_timeout": EVERY, "evaluation_interval": "1s"}
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager.removeprefix("http://")]
    config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] == "agora"]
    (job,) = config["scrape_configs"]
    job["authorization"]["credentials_file"] = str(home / "token")
    job["static_configs"][0]["targets"] = [f"127.0.0.1:{platform.layout.web_port}"]
    (home / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    command = [found["prometheus"], f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/tsdb"]
    with _running([*command, f"--web.listen-address=127.0.0.1:{port}"], home, f"http://127.0.0.1:{port}/-/ready"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _alertmanager(found: dict[str, str], home: Path, phone: str) -> Iterator[str]:
    """With the repository's own routes, told at once; 0.25 reads no url_file."""
    config = yaml.safe_load((rules.HOME / "alertmanager" / "alertmanager.yml").read_text())
    for receiver in config["receivers"]:
        for hook in receiver["webhook_configs"]:
            hook.pop("url_file")
            hook["url"] = f"{phone}/{receiver['name']}"
    for route in (config["route"], *config["route"]["routes"]):
        route |= {"group_wait": "0s", "group_interval": "1s"}
    config["global"]["resolve_timeout"] = "10s"
    (home / "alertmanager.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    command = [found["prometheus-alertmanager"], f"--config.file={home}/alertmanager.yml"]
    command += [f"--storage.path={home}/alertmanager", "--cluster.listen-address="]
    with _running([*command, f"--web.listen-address=127.0.0.1:{port}"], home, f"http://127.0.0.1:{port}/-/ready"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _running(command: list[str], home: Path, ready: str) -> Iterator[None]:
    log = home / f"{Path(command[0]).name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 30
        while not _answers(ready):
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _somebody_on_call(told: list[dict[str, Any]]) -> Iterator[str]:
    class Phone(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.append({"to": self.path.strip("/"), **message})
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Phone)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


def _left(expression: str) -> str:
    """Without the comparison at its end."""
    return expression.rsplit(" ", 2)[0] if "<" in expression or ">" in expression or "==" in expression else expression
