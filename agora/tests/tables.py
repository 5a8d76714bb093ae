"""Every row of ours, as one value: what a refusal must leave as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.db import connection

APPS = ("accounts", "orders", "custody", "minting", "reserves", "django_q")


def table_names() -> list[str]:
    models = [model for app in APPS for model in apps.get_app_config(app).get_models(include_auto_created=True)]
    return sorted({model._meta.db_table for model in models if not model._meta.proxy})


def fingerprint() -> dict[str, tuple[int, str]]:
    """For each table its number of rows, and a hash of all that is in them."""
    # When a key was last used is no fact about the business, and every request is a use.
    row = "(to_jsonb(t) - 'last_used_at')::text"
    one = f"SELECT '{{0}}', count(*), md5(coalesce(string_agg({row}, '|' ORDER BY {row}), '')) FROM {{0}} t"
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(one.format(table) for table in table_names()))
        return {table: (rows, digest) for table, rows, digest in cursor.fetchall()}


@contextmanager
def unchanged() -> Iterator[None]:
    """Not one row of any table is other than before."""
    before = fingerprint()
    yield
    after = fingerprint()
    assert {table: row for table, row in after.items() if row != before[table]} == {}
