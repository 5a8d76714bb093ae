"""`manage.py replay`: event rows → state, compared with the rows as they are. Exit 0 only if they agree."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction

from agora.lib.replaying import Difference
from agora.replaying import replay

SHOWN = 100  # differences in the JSON


class Command(BaseCommand):
    help = (
        "Walk every row's events again and recompute what follows from them: statuses, versions, sums of fills, of "
        "custody and of mints. Exit 0: the stored rows say the same; 1: some do not. Changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--order", type=UUID, metavar="ID", help="this order alone, with its records and mints")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        order_id: UUID | None = options["order"]
        rows, count, first = self._replay(order_id, quiet=options["json"])
        if order_id and not rows:
            raise CommandError(f"There is no order {order_id}.")
        if options["json"]:
            said = {"ok": not count, "rows": rows, "differences": count, "first": [asdict(one) for one in first]}
            self.stdout.write(json.dumps(said, default=str, indent=2))
        else:
            self.stdout.write(f"{rows} rows replayed, {count} differences")
        if count:
            sys.exit(1)

    def _replay(self, order_id: UUID | None, *, quiet: bool) -> tuple[int, int, list[Difference]]:
        """Rows, differences, and the first of those. One snapshot of it all: what moves meanwhile is no difference."""
        rows, found = 0, 0
        first: list[Difference] = []
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            for count, differences in replay(order_id=order_id):
                rows, found = rows + count, found + len(differences)
                first += differences[: SHOWN - len(first)]
                if not quiet:
                    self._show(rows, differences)
        return rows, found, first

    def _show(self, rows: int, differences: list[Difference]) -> None:
        for one in differences:
            self.stdout.write(_line(one))
        if self.stderr.isatty():
            self.stderr.write(f"{rows} rows …")


def _line(one: Difference) -> str:
    if one.field == "events":
        return f"FAIL {one.kind} {one.row_id}: {one.replayed}"
    return f"FAIL {one.kind} {one.row_id}: {one.field} is {one.stored}, its facts say {one.replayed}"
