"""Statements that several seeds share."""

from __future__ import annotations

FIRST = "(SELECT id FROM {} ORDER BY id LIMIT 1)"


def unannounced(kind: str, which: str) -> str:
    return f"DELETE FROM accounts_publicevent WHERE subject_kind = '{kind}' AND {which}"


def detour(event: str, status: str) -> list[str]:
    """The second step of each row led to that status, and the third began there."""
    return [
        f"UPDATE {event} SET to_status = '{status}' WHERE sequence = 2",
        f"UPDATE {event} SET from_status = '{status}' WHERE sequence = 3",
    ]


CONSTRAINTS = "every constraint and unique index still stands and is valid"  # its invariant
