"""What must hold, as queries that return no rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

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


def event_invariants(*, subject: str, event: str, column: str) -> list[Invariant]:
    """A row's events are gapless, each begins where the one before ended, and the last one is its status."""
    return [
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
            SELECT s.id, s.status, e.to_status FROM {subject} s
            LEFT JOIN {event} e ON e.{column} = s.id AND e.sequence = s.version
            WHERE e.to_status IS DISTINCT FROM s.status
            """,  # noqa: S608 - table names of ours
        ),
    ]


def guard_invariants(*, triggers: dict[str, list[str]], constraints: list[str]) -> list[Invariant]:
    """The named triggers (by table) and constraints still exist and are enabled."""
    wanted = [(table, name) for table, names in sorted(triggers.items()) for name in names]
    return [
        Invariant(
            "every trigger still stands and is enabled",
            """
            SELECT wanted.relation, wanted.name FROM unnest(%s::text[], %s::text[]) AS wanted(relation, name)
            WHERE NOT EXISTS (
                SELECT FROM pg_trigger t WHERE t.tgrelid = to_regclass(wanted.relation)
                  AND t.tgname = wanted.name AND t.tgenabled <> 'D'
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
    ]
