"""Database roles that may do less than the owner: the SQL that makes them, and the SQL that checks them.

A `Role` says what it may not do beside reading. What every role here never gets: DDL, TRUNCATE, TRIGGER, REFERENCES,
temporary tables (one named like a fact's table would be what our trigger functions read), and the way round triggers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from agora.lib.invariants import Invariant

WRITES = ("INSERT", "UPDATE", "DELETE")
NEVER = ("TRUNCATE", "TRIGGER", "REFERENCES")
# django-pgtrigger lets whoever sets `pgtrigger.ignore` walk past a trigger, in any session; nothing of ours does. Each
# migration with a trigger makes the function anew, so this is run after every one (manage.py grant_roles).
IGNORE_FUNCTION = "_pgtrigger_should_ignore"
CLOSED = "SELECT false -- closed by grant_roles"
_CLOSE = f"""
    CREATE OR REPLACE FUNCTION public.{IGNORE_FUNCTION}(trigger_name name) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS '{CLOSED}'"""


@dataclass(frozen=True, slots=True)
class Role:
    """`reads_only`: tables it may not write · `inserts_only`: nor change · `columns`: what it may update there."""

    name: str
    writes: bool = True
    reads_only: frozenset[str] = frozenset()
    inserts_only: frozenset[str] = frozenset()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def allowed(self, table: str, *, by_triggers: Sequence[str]) -> list[str]:
        """What of WRITES it may do to a table, whose triggers allow so much."""
        if not self.writes or table in self.reads_only:
            return []
        return [w for w in by_triggers if w == "INSERT" or table not in self.inserts_only]


def allowed_by_triggers(trigger_names: Iterable[str]) -> list[str]:
    """What the triggers of agora.lib.statemachine let anybody do: the grants say it a second time."""
    names = set(trigger_names)
    if "append_only" in names:
        return ["INSERT"]
    return ["INSERT", "UPDATE"] if "never_deleted" in names else list(WRITES)


def statements(
    roles: Sequence[Role], tables: Mapping[str, Sequence[str]], *, database: str, ours: Iterable[str]
) -> list[sql.Composed]:
    """All of it, to be run by the owner in one transaction. `tables`: ours and what their triggers allow."""
    public = [sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database))]
    public += [sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC").format(), sql.SQL(_CLOSE).format()]
    found = sorted(ours)
    return public + [statement for role in roles for statement in _grants_of(role, tables, database, found)]


def _grants_of(
    role: Role, tables: Mapping[str, Sequence[str]], database: str, found: list[str]
) -> Iterable[sql.Composed]:
    name = sql.Identifier(role.name)
    yield sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(name)
    yield sql.SQL("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {}").format(name)
    yield sql.SQL("REVOKE ALL ON SCHEMA public FROM {}").format(name)
    yield sql.SQL("REVOKE ALL ON DATABASE {} FROM {}").format(sql.Identifier(database), name)
    yield sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), name)
    yield sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(name)
    yield sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(name)
    if role.writes:
        yield sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}").format(name)
    for table in found:
        if writes := role.allowed(table, by_triggers=tables.get(table, ())):
            words = sql.SQL(", ").join(sql.SQL(word) for word in writes)
            yield sql.SQL("GRANT {} ON public.{} TO {}").format(words, sql.Identifier(table), name)
    for table, columns in role.columns.items():
        words = sql.SQL(", ").join(map(sql.Identifier, columns))
        yield sql.SQL("GRANT UPDATE ({}) ON public.{} TO {}").format(words, sql.Identifier(table), name)


def role_invariants(roles: Sequence[Role], tables: Mapping[str, Sequence[str]]) -> list[Invariant]:
    """No role may do more than it is meant to, in this database. None is named that has no grant here."""
    meant = [
        (role.name, table, write)
        for role in roles
        for table, by_triggers in tables.items()
        for write in role.allowed(table, by_triggers=by_triggers)
    ]
    names = [role.name for role in roles]
    columns = [(role.name, table, c) for role in roles for table, cs in role.columns.items() for c in cs]
    return [
        Invariant(
            "database roles: none may write, truncate or re-trigger more than it was granted",
            """
            SELECT r.rolname, c.relname, p.privilege FROM pg_roles r
            CROSS JOIN pg_class c
            CROSS JOIN unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES']) p(privilege)
            WHERE r.rolname = ANY(%s) AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
              AND has_table_privilege(r.oid, c.oid, p.privilege)
              AND (r.rolname::text, c.relname::text, p.privilege)
                NOT IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))
            """,
            (names, *_turned(meant)),
        ),
        Invariant(
            "database roles: a column that may be changed in a table that may not is one of those granted",
            """
            SELECT r.rolname, c.relname, a.attname FROM pg_roles r
            CROSS JOIN pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            WHERE r.rolname = ANY(%s) AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
              AND has_column_privilege(r.oid, c.oid, a.attnum, 'UPDATE')
              AND NOT has_table_privilege(r.oid, c.oid, 'UPDATE')
              AND (r.rolname::text, c.relname::text, a.attname::text)
                NOT IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))
            """,
            (names, *_turned(columns)),
        ),
        Invariant(
            "database roles: none owns, makes or walks round anything",
            """
            SELECT r.rolname, w.what FROM pg_roles r CROSS JOIN LATERAL (VALUES
                ('is a superuser, or may make roles, databases or replicas',
                    r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls),
                ('may create in the schema', has_schema_privilege(r.oid, 'public', 'CREATE')),
                ('may make temporary tables or schemas',
                    has_database_privilege(r.oid, current_database(), 'TEMP, CREATE')),
                ('is a member of the owner', EXISTS (SELECT FROM pg_class c
                    WHERE c.relname = 'django_migrations' AND pg_has_role(r.oid, c.relowner, 'MEMBER'))),
                ('walks past triggers by pgtrigger.ignore', EXISTS (SELECT FROM pg_proc f
                    WHERE f.proname = %s AND f.pronamespace = 'public'::regnamespace AND f.prosrc <> %s))
            ) w(what, wrong)
            WHERE r.rolname = ANY(%s) AND w.wrong
              AND EXISTS (SELECT FROM pg_class c WHERE c.relname = 'django_migrations'
                AND c.relnamespace = 'public'::regnamespace AND has_table_privilege(r.oid, c.oid, 'SELECT'))
            """,
            (IGNORE_FUNCTION, CLOSED, names),
        ),
    ]


def _turned(rows: Sequence[tuple[str, str, str]]) -> tuple[list[str], list[str], list[str]]:
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
