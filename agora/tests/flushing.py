"""How the test database is emptied between tests, although the audit log refuses to be."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection


def let_flush_truncate() -> None:
    """Django's flush runs with no trigger in its way: as a superuser, as only the tests' login is."""
    operations = connection.ops
    flush = operations.execute_sql_flush

    def execute_sql_flush(sql_list: Iterable[str]) -> None:
        flush(["SET LOCAL session_replication_role = replica", *sql_list])

    operations.execute_sql_flush = execute_sql_flush  # type: ignore[method-assign]
