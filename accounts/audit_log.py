"""Is the audit log whole? Once in Python (`verify_chain`), once in SQL (INVARIANTS, for `manage.py audit`).

What neither can see: a log whose newest entries and seals were all removed together, or which was rewritten from some
point on, by somebody who holds the database. The heads noted elsewhere (AUDIT_HEADS_FILE, the process logs) tell that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction

from accounts.audit_chain import ENTRY, GENESIS, SEAL, entry_digest, seal_hash
from accounts.models import AuditEntry, AuditSeal
from agora.lib.invariants import Invariant

SEALED_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Head:
    """What was noted of a seal when it was made."""

    sequence: int
    last_position: int
    hash: str


def verify_chain(*, now: datetime, heads: list[Head] | None = None) -> list[str]:
    """What is wrong with the log, a sentence each; nothing, if it is whole. One pass, in constant memory."""
    with transaction.atomic():
        return list(_problems(now, heads or []))


def noted_heads(path: Path) -> list[Head]:
    """The heads in a file of notes; a line that is not one (the process was killed while writing it) is passed over."""
    heads = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            noted = json.loads(line)
            heads.append(Head(int(noted["sequence"]), int(noted["last_position"]), str(noted["hash"])))
        except (ValueError, KeyError, TypeError):
            continue
    return heads


def hash_of(seal: AuditSeal, entries: list[AuditEntry]) -> str:
    """What the seal's hash must be, over its entries in order."""
    return seal_hash(
        sequence=seal.sequence,
        first_position=seal.first_position,
        last_position=seal.last_position,
        sealed_at=seal.sealed_at,
        previous_hash=seal.previous_hash,
        digests=[_digest(entry) for entry in entries],
    )


def _problems(now: datetime, heads: list[Head]) -> Iterator[str]:
    entries = AuditEntry.objects.exclude(position=None).order_by("position").iterator(chunk_size=1000)
    entry = next(entries, None)
    previous, sequence, last, hashes = GENESIS, 0, 0, {}
    for seal in AuditSeal.objects.order_by("sequence").iterator(chunk_size=1000):
        sequence += 1
        batch = []
        while entry is not None and entry.position is not None and entry.position <= seal.last_position:
            batch.append(entry)
            entry = next(entries, None)
        if (seal.sequence, seal.first_position, seal.previous_hash) != (sequence, last + 1, previous):
            yield f"seal {seal.sequence} does not follow the one before it"
        if [one.position for one in batch] != list(range(seal.first_position, seal.last_position + 1)):
            yield f"seal {seal.sequence} does not have all of its entries"
        elif hash_of(seal, batch) != seal.hash:
            yield f"seal {seal.sequence} or one of its entries was changed"
        previous, sequence, last = seal.hash, seal.sequence, seal.last_position
        hashes[seal.sequence] = seal.hash
    if entry is not None:
        yield f"entry {entry.pk} has a place beyond the last seal"
    for late in AuditEntry.objects.filter(position=None, at__lt=now - SEALED_WITHIN)[:5]:
        yield f"entry {late.pk} was not sealed within a minute"
    for head in heads:
        if hashes.get(head.sequence) != head.hash:
            yield f"seal {head.sequence} is not the one that was noted when it was made"


def _digest(entry: AuditEntry) -> bytes:
    return entry_digest(
        position=entry.position or 0,
        entry_id=entry.pk,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        before=entry.before,
        after=entry.after,
        reason=entry.reason,
        request_id=entry.request_id,
        ip_digest=entry.ip_digest,
    )


def _part(text: str) -> str:
    """SQL for one text of the encoding in `accounts.audit_chain`."""
    return f"int8send(octet_length(convert_to({text}, 'UTF8'))) || convert_to({text}, 'UTF8')"


def _parts(*texts: str) -> str:
    return " || ".join(_part(text) for text in texts)


def _micros(column: str) -> str:
    return f"(extract(epoch FROM {column}) * 1000000)::bigint::text"


_TEXTS = ("actor", "action", "subject", "before", "after", "reason", "request_id", "ip_digest")
_ENTRY_SQL = _parts(f"'{ENTRY}'", "e.position::text", "e.id::text", _micros("e.at"), *(f"e.{name}" for name in _TEXTS))
_SEAL_SQL = _parts(
    *(f"'{SEAL}'", "s.sequence::text", "s.first_position::text", "s.last_position::text"),
    *(_micros("s.sealed_at"), "s.previous_hash"),
)

INVARIANTS = [
    Invariant(
        "the audit log's seals are gapless and each follows the one before it",
        f"""
        SELECT sequence, first_position, previous_hash FROM (
            SELECT sequence, first_position, previous_hash, row_number() OVER chain AS expected,
                lag(last_position, 1, 0::bigint) OVER chain + 1 AS follows,
                lag(hash, 1, '{GENESIS}') OVER chain AS before
            FROM accounts_auditseal WINDOW chain AS (ORDER BY sequence)
        ) walk WHERE sequence <> expected OR first_position <> follows OR previous_hash <> before
        """,  # noqa: S608 - a constant of ours
    ),
    Invariant(
        "each seal of the audit log is of exactly its entries, as they were",
        f"""
        SELECT s.sequence, s.hash, held.entries FROM accounts_auditseal s CROSS JOIN LATERAL (
            SELECT count(*) AS entries, string_agg(sha256({_ENTRY_SQL}), ''::bytea ORDER BY e.position) AS digests
            FROM accounts_auditentry e WHERE e.position BETWEEN s.first_position AND s.last_position
        ) held
        WHERE held.entries <> s.last_position - s.first_position + 1
           OR encode(sha256({_SEAL_SQL} || held.digests), 'hex') IS DISTINCT FROM s.hash
        """,  # noqa: S608 - column names of ours
    ),
    Invariant(
        "no audit entry has a place that no seal covers",
        """
        SELECT id, position FROM accounts_auditentry
        WHERE position > (SELECT coalesce(max(last_position), 0) FROM accounts_auditseal)
        """,
    ),
    Invariant(
        "an audit entry is sealed within a minute",
        "SELECT id, at FROM accounts_auditentry WHERE position IS NULL AND at < now() - interval '1 minute'",
    ),
    Invariant(
        "each decision of staff about a customer has its audit entry",
        """
        SELECT e.customer_id, e.sequence, e.actor FROM accounts_customerevent e
        WHERE e.actor LIKE 'staff:%%' AND NOT EXISTS (
            SELECT FROM accounts_auditentry a
            WHERE a.subject = 'customer:' || e.customer_id AND a.actor = e.actor AND a.at = e.at
        )
        """,
    ),
]
