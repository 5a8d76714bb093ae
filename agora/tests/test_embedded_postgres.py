"""The embedded server survives what happens on a laptop. Every test has a server of its own in a home of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import BaseDatabaseWrapper

from agora.lib.embedded import server
from agora.lib.embedded.base import DatabaseWrapper


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="agora-pg-"))
    yield path
    _remove(path)


def test_six_processes_that_start_it_at_once_share_one_server(home):
    command = [sys.executable, "-m", "agora.lib.embedded.server", "start", str(home)]

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(
            pool.map(lambda _: subprocess.run(command, capture_output=True, text=True, timeout=60), range(6))
        )

    assert [outcome.returncode for outcome in outcomes] == [0] * 6, outcomes
    assert len({outcome.stdout for outcome in outcomes}) == 1
    assert server.is_accepting(home)


def test_server_is_in_a_session_of_its_own_so_that_ctrl_c_does_not_reach_it(home):
    server.start(home)

    assert os.getsid(server.running_pid(home)) != os.getsid(0)


def test_server_is_reached_by_its_private_socket_alone_and_keeps_what_it_commits(home):
    server.start(home)

    assert _show(home, "listen_addresses") == ""
    assert _show(home, "fsync") == "on"
    assert _show(home, "server_encoding") == "UTF8"
    assert server.socket_directory(home).stat().st_mode & 0o777 == 0o700
    with server._connect(home) as connection:
        assert connection.execute(
            "SELECT array_agg(w ORDER BY w) FROM unnest(ARRAY['b','é','B','a']) w"
        ).fetchone() == (["B", "a", "b", "é"],)


def test_missing_server_and_database_are_made_by_the_first_connection(home, settings):
    wrapper = _wrapper(home, settings, name="agora")

    connection = wrapper.get_new_connection(wrapper.get_connection_params())

    assert connection.execute("SELECT current_database()").fetchone() == ("agora",)
    connection.close()


def test_connection_after_a_kill_9_of_the_server_restarts_it_with_everything_committed(home, settings):
    wrapper = _wrapper(home, settings, name="agora")
    before = wrapper.get_new_connection(wrapper.get_connection_params())
    before.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    before.commit()
    old = server.running_pid(home)

    os.kill(old, signal.SIGKILL)
    after = wrapper.get_new_connection(wrapper.get_connection_params())

    assert after.execute("SELECT answer FROM kept").fetchone() == (42,)
    assert server.running_pid(home) != old
    before.close()
    after.close()


def test_stale_pid_file_that_names_a_living_stranger_does_not_stop_a_start(home):
    server.start(home)
    pid_file = home / "postgres" / "postmaster.pid"
    written = pid_file.read_text()
    server.stop(home)
    pid_file.write_text(written.replace(written.split("\n")[0], str(os.getpid()), 1))

    assert server.running_pid(home) is None
    server.start(home)

    assert server.is_accepting(home)


def test_initdb_interrupted_half_way_is_started_afresh(home):
    (home / "postgres.initdb").mkdir()
    (home / "postgres.initdb" / "PG_VERSION").write_text("18\n")

    server.start(home)

    assert server.is_accepting(home)
    assert not (home / "postgres.initdb").exists()


def test_home_too_long_for_a_socket_gets_a_private_directory_under_tmp(home):
    deep = home / ("d" * 120)

    server.start(deep)

    socket = server.socket_directory(deep)
    assert server.is_accepting(deep)
    assert len(str(socket)) < 100
    assert socket.stat().st_mode & 0o777 == 0o700
    _remove(deep)


def test_socket_directory_open_to_others_is_refused(home):
    (home / "postgres-socket").mkdir()
    (home / "postgres-socket").chmod(0o755)

    with pytest.raises(server.ServerError, match="mode 0700"):
        server.start(home)


def test_stop_waits_until_it_is_down_and_a_start_brings_the_data_back(home):
    server.start(home)
    server.create_database(home, "kept")
    pid = server.running_pid(home)

    assert server.stop(home) is True

    assert not Path(f"/proc/{pid}").exists() or server.running_pid(home) is None
    assert not server.is_accepting(home)
    assert server.stop(home) is False
    server.start(home)
    with server._connect(home) as connection:
        assert connection.execute("SELECT 1 FROM pg_database WHERE datname = 'kept'").fetchone() == (1,)


def test_data_of_another_postgresql_version_is_refused_with_both_versions(home):
    (home / "postgres").mkdir()
    (home / "postgres" / "PG_VERSION").write_text("12\n")

    with pytest.raises(server.ServerError, match=r"PostgreSQL 12; the installed one is \d+"):
        server.start(home)


def test_outside_the_sandbox_it_refuses_and_says_what_to_set(home, settings):
    wrapper = _wrapper(home, settings, name="agora")
    settings.AGORA_MODE = "paper"

    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        wrapper.get_new_connection(wrapper.get_connection_params())

    assert server.running_pid(home) is None


def _wrapper(home: Path, settings, *, name: str) -> BaseDatabaseWrapper:
    settings.AGORA_HOME = home
    settings.AGORA_MODE = "sandbox"
    defaults = {"OPTIONS": {}, "PASSWORD": "", "PORT": "", "TIME_ZONE": None, "CONN_HEALTH_CHECKS": False}
    return DatabaseWrapper({"NAME": name, **defaults}, alias="embedded")


def _show(home: Path, parameter: str) -> str:
    with server._connect(home) as connection:
        row = connection.execute(psycopg.sql.SQL("SHOW {}").format(psycopg.sql.Identifier(parameter))).fetchone()
    return row[0]


def _remove(home: Path) -> None:
    if home.exists():
        server.stop(home)
        shutil.rmtree(server.socket_directory(home), ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)
