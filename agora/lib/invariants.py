"""What must hold, as queries that return no rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from agora.lib.statemachine import Moves

SHOWN = 5  # rows of a violation that are shown


@dataclass(frozen=True, slots=True)
class Invariant:
    name: str
    sql: str
    params: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    name: str
    violations: tuple[str, ...]  # at most SHOWN, each a line

    @property
    def holds(self) -> bool:
        return not self.violations


def check(invariant: Invariant) -> Verdict:
    with connection.cursor() as cursor:
        cursor.execute(invariant.sql, invariant.params)
        columns = [column.name for column in cursor.description or ()]
        rows = cursor.fetchmany(SHOWN)
    lines = (" ".join(f"{name}={value}" for name, value in zip(columns, row, strict=True)) for row in rows)
    return Verdict(invariant.name, tuple(lines))


def event_invariants(*, subject: str, event: str, column: str, moves: Moves) -> list[Invariant]:
    """A row's events are gapless, legal and joined end to end, and the last one is its version and its status."""
    legal = [(str(before), str(after)) for before, afters in moves.items() for after in afters]
    return [
        Invariant(
            f"{subject}: every event is a legal move",
            f"""
            SELECT {column}, sequence, from_status, to_status FROM {event}
            WHERE sequence > 1 AND (from_status, to_status) NOT IN (SELECT * FROM unnest(%s::text[], %s::text[]))
            """,  # noqa: S608 - table names of ours
            ([before for before, _ in legal], [after for _, after in legal]),
        ),
        Invariant(
            f"{subject}: events are gapless and joined",
            f"""
            SELECT {column}, sequence, from_status FROM (
                SELECT {column}, sequence, from_status,
                    lag(to_status, 1, '') OVER steps AS before, row_number() OVER steps AS expected
                FROM {event} WINDOW steps AS (PARTITION BY {column} ORDER BY sequence)
            ) walk WHERE sequence <> expected OR from_status <> before
            """,  # noqa: S608 - table names of ours
        ),
        Invariant(
            f"{subject}: the status is the last event's",
            f"""
            SELECT s.id, s.status, s.version, e.sequence, e.to_status FROM {subject} s
            LEFT JOIN LATERAL (
                SELECT sequence, to_status FROM {event} WHERE {column} = s.id ORDER BY sequence DESC LIMIT 1
            ) e ON true
            WHERE (e.sequence, e.to_status) IS DISTINCT FROM (s.version, s.status)
            """,  # noqa: S608 - table names of ours
        ),
    ]


def overdue_invariant(name: str, *, subject: str, order: str, statuses: Sequence[str]) -> Invariant:
    """A row whose time came a quarter of an hour ago was looked at since, or its order is held. `order`: the column."""
    return Invariant(
        name,
        f"""
        SELECT s.id, s.status, s.next_attempt_at FROM {subject} s
        WHERE s.status = ANY(%s) AND s.next_attempt_at < now() - interval '15 minutes'
          AND NOT EXISTS (
              SELECT FROM accounts_hold h WHERE h.subject = 'order:' || s.{order} AND h.released_at IS NULL
                AND (h.until IS NULL OR h.until > now())
          )
        """,  # noqa: S608 - table and column names of ours
        ([*statuses],),
    )


def guard_invariants(
    *, triggers: dict[str, list[str]], constraints: list[str], unique_columns: list[tuple[str, str]]
) -> list[Invariant]:
    """The named triggers (by table), constraints and unique (table, column)s still exist and are enabled."""
    wanted = [(table, name) for table, names in sorted(triggers.items()) for name in names]
    return [
        Invariant(
            "every trigger still stands and is enabled",
            """
            SELECT wanted.relation, wanted.name FROM unnest(%s::text[], %s::text[]) AS wanted(relation, name)
            WHERE NOT EXISTS (
                SELECT FROM pg_trigger t WHERE t.tgrelid = to_regclass(wanted.relation)
                  AND t.tgname = wanted.name AND t.tgenabled IN ('O', 'A')
            )
            """,
            ([table for table, _ in wanted], [name for _, name in wanted]),
        ),
        Invariant(
            "every constraint and unique index still stands and is valid",
            """
            SELECT wanted.name FROM unnest(%s::text[]) AS wanted(name)
            WHERE NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conname = wanted.name AND c.convalidated)
              AND NOT EXISTS (
                SELECT FROM pg_class i JOIN pg_index x ON x.indexrelid = i.oid
                WHERE i.relname = wanted.name AND x.indisunique AND x.indisvalid
            )
            """,
            (constraints,),
        ),
        Invariant(
            "every unique column still is",
            """
            SELECT wanted.relation, wanted.name FROM unnest(%s::text[], %s::text[]) AS wanted(relation, name)
            WHERE NOT EXISTS (
                SELECT FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0]
                WHERE x.indrelid = to_regclass(wanted.relation) AND a.attname = wanted.name
                  AND x.indnkeyatts = 1 AND x.indisunique AND x.indisvalid AND x.indpred IS NULL
            )
            """,
            ([table for table, _ in unique_columns], [column for _, column in unique_columns]),
        ),
    ]
