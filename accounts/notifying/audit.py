"""That every move was announced, as a query: for each app whose rows are."""

from __future__ import annotations

from agora.lib.invariants import Invariant


def announced(*, kind: str, event: str, column: str) -> Invariant:
    """Each move since announcing began has its public event, and each public event its move."""
    return Invariant(
        f"{event}: every move is announced, and nothing else",
        f"""
        SELECT e.{column}, e.sequence, p.subject_id, p.sequence AS announced FROM {event} e
        FULL JOIN (SELECT subject_id, sequence FROM accounts_publicevent WHERE subject_kind = '{kind}') p
            ON p.subject_id = e.{column} AND p.sequence = e.sequence
        WHERE e.id IS NULL OR (p.subject_id IS NULL AND e.at > (SELECT min(at) FROM accounts_publicevent))
        """,  # noqa: S608 - table names of ours
    )
