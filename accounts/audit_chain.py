"""How the audit log is hashed. Pure; `accounts/audit.py` says the same once more in SQL, and the two must agree.

A text is encoded as its length in bytes (8 bytes, big-endian) and its UTF-8, so that no two different lists of texts
have the same encoding. An entry's digest covers its whole row; a seal's hash covers the digests of its entries in
order and the seal before it. Times are microseconds since 1970.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

GENESIS = "0" * 64  # what the first seal has in place of a hash before it
ENTRY, SEAL = "agora-audit-entry/1", "agora-audit-seal/1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def canonical(values: Mapping[str, str]) -> str:
    """JSON with sorted keys and no space: what is stored, byte for byte, is what is hashed."""
    return json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def entry_digest(
    *,
    position: int,
    entry_id: UUID,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    before: str,
    after: str,
    reason: str,
    request_id: str,
    ip_digest: str,
) -> bytes:
    texts = [ENTRY, str(position), str(entry_id), _micros(at), actor, action, subject, before, after, reason]
    return hashlib.sha256(_encode([*texts, request_id, ip_digest])).digest()


def seal_hash(
    *,
    sequence: int,
    first_position: int,
    last_position: int,
    sealed_at: datetime,
    previous_hash: str,
    digests: Iterable[bytes],
) -> str:
    head = _encode([SEAL, str(sequence), str(first_position), str(last_position), _micros(sealed_at), previous_hash])
    return hashlib.sha256(head + b"".join(digests)).hexdigest()


def _encode(texts: Iterable[str]) -> bytes:
    parts = (text.encode() for text in texts)
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def _micros(at: datetime) -> str:
    return str((at - _EPOCH) // timedelta(microseconds=1))
