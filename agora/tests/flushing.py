"""How the test database is emptied between tests: thousands of times, so it had better be quick.

Django's flush truncates every table, which costs a new file for each of them and each of their indexes, and then makes
content types and permissions again. Here what is the same for every test stays, and rows are deleted only where there
are some. The audit log refuses that to everybody; no trigger is in the way of a superuser, as only the tests' login is.
"""

from __future__ import annotations

from typing import Any

from django.core.management.commands import flush
from django.db import connection

# `migrate` makes them, and no test but one changes them, which has them made anew.
KEPT = {"django_content_type", "auth_permission", "auth_group", "auth_group_permissions"}


def let_flush_delete() -> None:
    """Make Django's flush, with which pytest-django ends every test of a real transaction, do that."""
    connection.ops.sql_flush = _sql_flush  # type: ignore[method-assign,assignment]
    flush.emit_post_migrate_signal = lambda *args, **kwargs: None  # type: ignore[attr-defined] # it would make what stays


def _sql_flush(style: Any, tables: list[str], **options: Any) -> list[str]:
    names = [connection.ops.quote_name(table) for table in sorted({*tables} - KEPT)]
    deletes = " ".join(f"IF EXISTS (SELECT FROM {name}) THEN DELETE FROM {name}; END IF;" for name in names)
    return ["SET LOCAL session_replication_role = replica", f"DO $$ BEGIN {deletes} END $$"]
