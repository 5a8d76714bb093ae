"""Who may ask how we are, what we answer, and what asking costs when nobody does."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from prometheus_client.parser import text_string_to_metric_families

from agora.lib import probes
from agora.lib.log import hide_path
from agora.lib.metrics import Tally

ROOT = Path(__file__).resolve().parents[2]
TELL = """
import django, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "agora.settings"
django.setup()
from agora.lib.metrics import TASKS
for _ in range(int(sys.argv[1])):
    TASKS.observe(0.01, task="a", outcome="ok")
print("told", flush=True)
sys.stdin.read()
"""
LOAD = """
import json, sys
from agora.wsgi import application
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.mark.parametrize(
    ("token", "networks", "shown", "address", "status"),
    [
        ("", [], "", "127.0.0.1", 404),
        ("", [], "anything", "127.0.0.1", 404),
        ("secret", [], "secret", "203.0.113.7", 200),
        ("secret", [], "secret ", "203.0.113.7", 404),
        ("secret", [], "", "203.0.113.7", 404),
        ("", ["10.0.0.0/8", "fd00::/8"], "", "10.2.3.4", 200),
        ("", ["10.0.0.0/8", "fd00::/8"], "", "fd00::1", 200),
        ("", ["10.0.0.0/8"], "", "203.0.113.7", 404),
        ("", ["10.0.0.0/8"], "", "", 404),
        ("secret", ["10.0.0.0/8"], "", "10.2.3.4", 404),
        ("secret", ["10.0.0.0/8"], "secret", "203.0.113.7", 404),
        ("secret", ["10.0.0.0/8"], "secret", "10.2.3.4", 200),
    ],
)
@pytest.mark.django_db
def test_metrics_are_for_whom_the_settings_name(
    client: Client, settings: Any, token: str, networks: list[str], shown: str, address: str, status: int
) -> None:
    settings.METRICS_TOKEN, settings.METRICS_NETWORKS = token, networks
    headers = {"Authorization": f"Bearer {shown}", "X-Forwarded-For": "10.2.3.4"}  # what anybody may claim

    assert client.get("/metrics", headers=headers, REMOTE_ADDR=address).status_code == status


@pytest.mark.django_db
def test_a_source_that_cannot_be_read_is_missing_and_the_others_are_not(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "secret"
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_webhookdelivery RENAME TO gone")

    answer = client.get("/metrics", headers={"Authorization": "Bearer secret"})

    found = {
        sample.labels["source"]: sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
        if sample.name == "agora_source_up"
    }
    assert {name for name, value in found.items() if not value} == {"webhooks"}
    assert len(found) > 10


@pytest.mark.django_db
def test_a_process_is_not_ready_while_its_migrations_are_not_applied(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "_migrated", False)
    assert client.get("/readyz").json() == {"ready": True, "missing": []}

    monkeypatch.setattr(probes, "_migrated", False)  # a process that starts, with one migration more than the database
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE app = 'orders'"
            " AND name = (SELECT max(name) FROM django_migrations WHERE app = 'orders')"
        )
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (503, {"ready": False, "missing": ["migrations"]})
    assert client.get("/healthz").status_code == 200


@pytest.mark.django_db
def test_probes_ask_for_no_host_that_we_know(client: Client) -> None:
    assert client.get("/healthz", headers={"Host": "10.1.2.3"}).status_code == 200
    assert client.get("/sign-in/", headers={"Host": "10.1.2.3"}).status_code == 400


def test_a_failed_requests_path_is_not_logged() -> None:
    request = RequestFactory().get("/orders/Zulmira-52998224725")
    request.resolver_match = None
    record = logging.LogRecord("django.request", 30, "", 0, "%s: %s", ("Not Found", request.path), None)
    record.request = request

    assert hide_path(record)
    assert record.getMessage() == "Not Found: a path that is not ours"


def test_a_web_process_loads_nothing_for_traces_that_are_off(tmp_path: Path) -> None:
    done = _python(LOAD, tmp_path, METRICS_DIR="", OTEL_EXPORTER_OTLP_ENDPOINT="")
    loaded = set(json.loads(done.communicate(timeout=60)[0].splitlines()[-1]))

    assert "django" in loaded
    assert not loaded & {"opentelemetry", "google"}


def test_tallies_outlive_a_killed_process_and_its_slot_is_taken_over(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    first, second = (_python(TELL, tmp_path, "2", METRICS_DIR=str(folder)) for _ in range(2))
    for process in (first, second):
        assert process.stdout is not None
        assert process.stdout.readline() == "told\n"
    assert len(list(folder.glob("*.db"))) == 2
    first.kill()
    first.communicate(timeout=60)

    third = _python(TELL, tmp_path, "3", METRICS_DIR=str(folder))
    third.communicate(timeout=60)
    second.communicate(timeout=60)

    assert len(list(folder.glob("*.db"))) == 2
    assert _total(folder) == 7


def test_a_folder_that_cannot_be_written_costs_the_figure_and_not_the_work(tmp_path: Path, settings: Any) -> None:
    (tmp_path / "file").touch()
    settings.METRICS_DIR = str(tmp_path / "file" / "metrics")

    Tally(name="agora_test_seconds", help="Of this test.", labels=()).observe(1.0)  # raises nothing


def _python(code: str, home: Path, *arguments: str, **env: str) -> subprocess.Popen[str]:
    settings = {**os.environ, "AGORA_HOME": str(home), "PYTHONPATH": str(ROOT), **env}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code, *arguments], env=settings, cwd=ROOT, **pipes)


def _total(folder: Path) -> float:
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))
    return sum(
        sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "agora_task_seconds_count"
    )
