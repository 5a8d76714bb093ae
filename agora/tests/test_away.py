"""A database that cannot serve is told as 503 with Retry-After; /readyz knows of it, and of a follower that stands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.utils import timezone

from agora.lib import db, heartbeats, probes
from agora.lib.heartbeats import skew_of


def _of(state: str, kind: type[Exception] = OperationalError) -> Exception:
    error = kind("of the database")
    error.__cause__ = psycopg.errors.lookup(state)("of the driver")
    return error


@pytest.mark.parametrize(
    "error",
    [
        *map(_of, ["53300", "53100", "53200", "57P01", "57P02", "57P03", "08006", "08003", "58030", "25006", "25P03"]),
        OperationalError("connection failed: FATAL:  sorry, too many clients already"),
        InterfaceError("connection already closed"),
        psycopg.OperationalError("consuming input failed: server closed the connection unexpectedly"),
    ],
)
def test_a_database_that_cannot_serve_anybody_is_away(error: Exception) -> None:
    assert db.is_away(error)


@pytest.mark.parametrize(
    "error",
    [_of("40001"), _of("57014"), _of("55P03"), _of("23505", IntegrityError), _of("22P02", DataError), ValueError()],
)
def test_an_error_of_one_request_is_not(error: Exception) -> None:
    assert not db.is_away(error)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL takes no statement more: as over its connections' number, in the driver's words."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("connection failed: FATAL:  sorry, too many clients already")

    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", refuse)
    monkeypatch.setattr(probes, "_migrated", True)
    monkeypatch.setattr(probes, "_wrote_at", -probes.WRITES_FOR)


@pytest.mark.django_db
@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("path", ["/api/v1/orders", "/api/v1/assets"])
def test_the_api_answers_503_with_the_time_to_come_back(path: str) -> None:
    answer = Client(raise_request_exception=False).get(path, headers={"Authorization": "Bearer agora_x"})

    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert (answer.json()["code"], answer["Retry-After"]) == ("database_unavailable", "5")


@pytest.mark.django_db
@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("path", ["/", "/dashboard/", "/admin/"])
def test_a_page_answers_503_and_needs_no_database_for_it(path: str) -> None:
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "x" * 32  # who it is stands in the database
    answer = client.get(path, headers={"Accept-Language": "pt-BR"})

    if answer.status_code != 302:  # to the sign-in, which has nothing to ask for
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert "Não podemos guardar nada agora" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.usefixtures("full")
def test_a_process_whose_database_takes_nobody_is_not_ready() -> None:
    answer = Client().get("/readyz")

    assert (answer.status_code, answer.json()) == (503, {"ready": False, "missing": ["database"]})


@pytest.fixture
def try_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(probes, "_migrated", True)
    monkeypatch.setattr(probes, "_wrote_at", -probes.WRITES_FOR)
    heartbeats.forget()
    yield
    heartbeats.forget()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("try_anew")
def test_connections_that_are_all_taken_are_noticed_though_ours_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()
    name = connection.ops.quote_name(str(connection.settings_dict["NAME"]))
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:  # new connections alone feel it, as those to a full server
        assert Client().get("/readyz").json() == {"ready": False, "missing": ["database"]}
    finally:
        with connection.cursor() as cursor:  # it may be a new one by now
            cursor.execute("SET default_transaction_read_only = off")
            cursor.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        connection.close()
    assert Client().get("/readyz").json() == {"ready": True, "missing": []}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("try_anew")
def test_a_follower_that_stands_still_is_told_by_readyz_and_stuck() -> None:
    heartbeats.beat("loop:chain")
    assert Client().get("/readyz").json() == {"ready": True, "missing": []}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE agora_heartbeat SET turned_at = %s", [timezone.now() - timedelta(seconds=150)])

    answer, said = Client().get("/readyz"), StringIO()
    call_command("stuck", stdout=said)

    assert (answer.status_code, answer.json()) == (503, {"ready": False, "missing": ["follower"]})
    assert "no loop of a follower has turned for 150 s" in said.getvalue()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("try_anew")
def test_a_clock_a_day_ahead_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    monkeypatch.setattr("agora.lib.heartbeats.time.time", lambda: real() + 86_400)
    heartbeats.beat("worker")
    monkeypatch.undo()
    said = StringIO()
    call_command("stuck", stdout=said)

    assert heartbeats.heartbeats()[0].skew == pytest.approx(86_400, abs=5)
    assert "the clock of worker is +86" in said.getvalue()


@pytest.mark.parametrize(
    ("before", "after", "told", "skew"), [(1.0, 2.0, 1.5, 0.0), (11.0, 12.0, 1.0, 10.0), (1.0, 2.0, 5.0, -3.0)]
)
def test_skew_is_what_the_way_to_the_database_does_not_explain(
    before: float, after: float, told: float, skew: float
) -> None:
    assert skew_of(before=before, after=after, told=told) == skew
