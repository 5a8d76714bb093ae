"""A database that was migrated once, to be copied: migrating takes ten seconds, and each whole platform has its own."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from pathlib import Path

from agora.lib import platform
from agora.lib.embedded import server

ROOT = Path(__file__).parents[2]
STORE = ROOT / ".agora" / "migrated"


def copy_migrated(home: Path) -> None:
    """Give a home that has no database yet the files of a PostgreSQL server that was migrated and then stopped."""
    STORE.mkdir(parents=True, exist_ok=True)
    with (STORE / "lock").open("w") as lock:  # the suite's workers all begin at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = STORE / _digest()
        if not kept.exists():
            _make(kept)
    home.mkdir(parents=True, exist_ok=True)
    shutil.copytree(kept / "postgres", home / "postgres")


def _make(kept: Path) -> None:
    for old in STORE.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    half_done = kept.with_suffix(".half-done")
    try:
        platform.manage(platform.on_free_ports(half_done, DATABASE_URL=""), "migrate", "--verbosity", "0")
    finally:
        server.stop(half_done)
    half_done.rename(kept)


def _digest() -> str:
    """Of whatever decides how a migrated database looks."""
    files = [ROOT / "requirements.txt", ROOT / "agora" / "roles.py", *ROOT.glob("*/migrations/*.py")]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sorted(files))).hexdigest()[:16]
