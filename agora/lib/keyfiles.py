"""Private keys in a file: for the sandbox, and for keys that are worth no more than some gas."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path


class KeyFileRefused(Exception):
    """The file is missing, readable by others, or no list of keys. The message says what to do."""


def read(path: Path) -> list[str]:
    """The hex keys of a JSON list that nobody but its owner can read."""
    try:
        mode = path.stat().st_mode
        keys = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise KeyFileRefused(f"{path}: {problem}") from problem
    if mode & 0o077:
        raise KeyFileRefused(f"{path} can be read by others: chmod 600 it, and replace the keys if that matters.")
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
        raise KeyFileRefused(f'{path} must hold a JSON list of keys: ["0x…"]')
    return keys


def ensure(path: Path, *, count: int) -> None:
    """Make the file with so many new keys if there is none. Of several at once one wins, and its keys stand."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(["0x" + secrets.token_bytes(32).hex() for _ in range(count)], file)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
