"""Canonical bytes and the chain of hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from minting.receipts.shape import FORMAT, SECTIONS, VERSION

FIRST = f"{FORMAT}/{VERSION}"  # what the first section is chained to


def canonical(value: Any) -> bytes:
    """JSON as RFC 8785 has it, of what a receipt is made of: no floats, member names in ASCII.

    In that subset sorting names by code point is sorting by UTF-16 unit, and Python escapes strings as ECMAScript does.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def section_hash(name: str, content: Any, previous: str) -> str:
    """A section's sha256: over its name, its content and the hash of the section before."""
    return hashlib.sha256(canonical({"content": content, "name": name, "previous": previous})).hexdigest()


def seal(contents: Mapping[str, Any]) -> dict[str, Any]:
    """The receipt of these sections."""
    sections: dict[str, Any] = {}
    previous = FIRST
    for name in SECTIONS:
        previous = section_hash(name, contents[name], previous)
        sections[name] = {"content": contents[name], "sha256": previous}
    return {"format": FORMAT, "version": VERSION, **sections, "digest": previous}


def receipt_bytes(receipt: Mapping[str, Any]) -> bytes:
    """As it is downloaded: for people to read. White space and the order of members mean nothing."""
    return json.dumps(receipt, indent=2, ensure_ascii=False).encode() + b"\n"
