"""A PostgreSQL server as an installation has one: reached over TCP, with passwords, an archived log, and no mercy."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from agora.lib import lifeline
from agora.lib.embedded import server
from agora.lib.ready import free_port

ROOT = Path(__file__).resolve().parents[2]
OWNER, PASSWORD = "agora_owner", "correct-horse"
START_WITHIN = 60.0


def program(name: str) -> list[str]:
    """A PostgreSQL program that root may run, too."""
    return [*server._namespace(), str(server._binaries() / name)]


def environment() -> dict[str, str]:
    """What the scripts of deploy/ run with: PostgreSQL's programs in PATH."""
    return {
        **os.environ,
        "PATH": f"{server._binaries()}:{os.environ['PATH']}",
        "PGPASSWORD": PASSWORD,
        "VERIFY_BACKUP": f"{sys.executable} {ROOT}/deploy/check_backup.py",  # the wheel's pg_verifybackup crashes
    }


class Postgres:
    """`data` is made by `initialise` or by restore.sh; `archive`: where finished segments of its log go."""

    def __init__(
        self, data: Path, *, host: str = "127.0.0.1", archive: Path | None = None, superuser: str = OWNER
    ) -> None:
        self.data, self.host, self.port, self.archive = data, host, free_port(), archive
        self.superuser = superuser
        self._popen: subprocess.Popen[bytes] | None = None

    def initialise(self) -> None:
        """A new cluster, whose superuser has PASSWORD."""
        secret = self.data.parent / "owner.password"
        secret.write_text(PASSWORD)
        options = ["--username", self.superuser, "--pwfile", str(secret), "--auth=scram-sha-256", "--encoding=UTF8"]
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        subprocess.run(
            [*program("initdb"), "-D", str(self.data), *options, *locale], check=True, stdout=subprocess.DEVNULL
        )
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.77.0.0/24 scram-sha-256\n")

    def start(self, **parameters: str) -> None:
        """Returns when it accepts connections, recovery over."""
        settings: Mapping[str, str] = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "wal_level": "replica",
            "archive_mode": "on" if self.archive else "off",
            "archive_command": f"{ROOT}/deploy/archive_wal.sh %p %f {self.archive}" if self.archive else "",
            "jit": "off",
            **parameters,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [sys.executable, "-I", "-S", lifeline.__file__, str(os.getpid()), *program("postgres")]
        with (self.data.parent / f"{self.data.name}.log").open("ab") as log:
            self._popen = subprocess.Popen([*command, "-D", str(self.data), *options], stderr=log, stdout=log)
        deadline = time.monotonic() + START_WITHIN
        while not self._accepts():
            assert self._popen.poll() is None, "PostgreSQL ended: see its log"
            assert time.monotonic() < deadline, "PostgreSQL does not start"
            time.sleep(0.1)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: in good order, with a last archived segment · SIGQUIT: as if the power had gone."""
        if self._popen is not None:
            self._popen.send_signal(number)
            self._popen.wait(60)
            self._popen = None

    def url(self, user: str = "", database: str = "agora") -> str:
        return f"postgres://{user or self.superuser}:{PASSWORD}@{self.host}:{self.port}/{database}"

    def connect(self, database: str = "agora") -> psycopg.Connection:
        return psycopg.connect(self.url(database=database), autocommit=True, connect_timeout=2)

    def create_database(self) -> None:
        with self.connect("postgres") as connection:
            connection.execute("CREATE DATABASE agora TEMPLATE template0")

    def give_passwords(self, *roles: str) -> None:
        with self.connect() as connection:
            for role in roles:
                words = (sql.Identifier(role), sql.Literal(PASSWORD))
                connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(*words))

    def run_script(self, name: str, *arguments: str, **env: str) -> str:
        """A script of deploy/ against this server; what it printed."""
        where = {"PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": self.superuser, "PGDATABASE": "postgres"}
        command = ["sh", str(ROOT / "deploy" / name), *arguments]
        done = subprocess.run(command, env={**environment(), **where, **env}, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def _accepts(self) -> bool:
        try:
            with self.connect("postgres") as connection:
                (recovering,) = connection.execute("SELECT pg_is_in_recovery()").fetchone() or (True,)
        except psycopg.OperationalError:
            return False
        return not recovering
