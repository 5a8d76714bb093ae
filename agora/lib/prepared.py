"""Statements that PostgreSQL plans once a connection: for the few that every request or move runs.

They run on Django's connection, in its open transaction, and raise Django's errors. Behind a pooler that does not keep
prepared statements set `DB_PREPARE=false`: the same statements are then planned each time.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg
from django.db import connection, models
from django.db.models.fields import AutoFieldMixin


def fetch(sql: LiteralString, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement with named parameters, `%(name)s`; [] of one that returns none."""
    # As Django's own cursors begin: a kept connection whose server died is found out before its first statement.
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def insert(row: models.Model, *, unless: str = "") -> bool:
    """Insert a new row as `row.save(force_insert=True)` does, without signals.

    `unless`: a unique constraint; where a row of the same values stands, nothing is written and the answer is False.
    """
    fields, automatic, sql = _insertion(type(row), unless)
    values = {field.column: field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields}
    written = fetch(sql, values)
    if written:
        setattr(row, automatic, written[0][0])
        row._state.adding, row._state.db = False, connection.alias
    return bool(written)


def columns(model: type[models.Model], alias: str) -> str:
    """A model's columns for a statement's SELECT list, in the order that `from_row` takes."""
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


def from_row(model: type[models.Model], values: tuple[Any, ...]) -> Any:
    """An instance of the values of `columns`."""
    return model.from_db(connection.alias, [field.attname for field in model._meta.concrete_fields], values)


@functools.cache
def _insertion(model: type[models.Model], unless: str) -> tuple[list[Any], str, LiteralString]:
    """The fields to give, the key's attribute, and the statement."""
    meta = model._meta
    assert meta.pk is not None
    fields = [field for field in meta.concrete_fields if not isinstance(field, AutoFieldMixin)]
    names = ", ".join(f'"{field.column}"' for field in fields)
    places = ", ".join(f"%({field.column})s" for field in fields)
    twice = f'ON CONFLICT ON CONSTRAINT "{unless}" DO NOTHING' if unless else ""
    sql = f'INSERT INTO "{meta.db_table}" ({names}) VALUES ({places}) {twice} RETURNING "{meta.pk.column}"'  # noqa: S608
    return fields, meta.pk.attname, sql  # names of our models alone
