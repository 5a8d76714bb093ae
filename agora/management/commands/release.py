"""`manage.py release`: bring the database to this version, while the last version serves."""

from __future__ import annotations

import random
import time
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection

LOCK_NOT_AVAILABLE = "55P03"


class Command(BaseCommand):
    help = (
        "As the database's owner, before the new version's processes start: migrate, grant the roles, register rules "
        "and schedules. Safe to repeat. A migration that must wait for a table's lock gives up after --lock-timeout "
        "and is tried again: behind one that waits, every order would wait too."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--lock-timeout", type=float, default=1.0, help="seconds; default 1")
        parser.add_argument("--give-up-after", type=float, default=300.0, help="seconds of tries; default 300")

    def handle(self, *args: Any, **options: Any) -> None:
        self._migrate(lock_timeout=options["lock_timeout"], within=options["give_up_after"])
        for step in ("grant_roles", "register_rules", "sync_schedules"):
            call_command(step, stdout=self.stdout)

    def _migrate(self, *, lock_timeout: float, within: float) -> None:
        deadline = time.monotonic() + within
        while True:
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{lock_timeout * 1000:.0f}ms"])
            try:
                call_command("migrate", interactive=False, stdout=self.stdout, verbosity=1)
            except OperationalError as problem:
                if getattr(problem.__cause__, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                    raise
                if time.monotonic() > deadline:
                    raise CommandError(f"A table stayed locked for {within:g} s; nothing is half done.") from problem
                self.stdout.write("A table is in use: this migration is rolled back and tried again.")
                time.sleep(random.uniform(0.2, 1.0))  # noqa: S311 - jitter
            else:
                return
            finally:
                connection.close()  # and its lock_timeout with it
