"""`manage.py grant_roles`: make the database's roles, and let each do what agora/database_roles.py says, no more."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError, connection, transaction
from psycopg import sql

from agora.database_roles import ROLES, tables
from agora.lib.grants import statements


class Command(BaseCommand):
    help = (
        "Make agora_app, agora_web and agora_readonly, and grant each what it needs. Run as the owner after every "
        "migrate; safe to repeat. New roles have no password: give each one (ALTER ROLE … PASSWORD …)."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            # One at a time: two at once would meet in the catalogue ("tuple concurrently updated").
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('agora grant_roles'))")
            for role in ROLES:
                self._make(cursor, role.name)
            known = connection.introspection.table_names(cursor)
            database = str(connection.settings_dict["NAME"])
            for statement in statements(ROLES, tables(), database=database, ours=set(known) & tables().keys()):
                cursor.execute(statement)
        self.stdout.write(f"{len(ROLES)} roles: {', '.join(role.name for role in ROLES)}")

    def _make(self, cursor: Any, name: str) -> None:
        cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [name])
        if cursor.fetchone() is not None:
            return
        try:
            with transaction.atomic():
                cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        except ProgrammingError as refused:
            raise CommandError(
                f"{name} is missing, and this login may not make roles. Let a superuser run: CREATE ROLE {name} LOGIN"
            ) from refused
