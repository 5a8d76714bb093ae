"""`manage.py stuck`: what has not moved, since when, what it waits for, and who holds it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from agora.stuck import find_stuck, standing_processes
from orders.selectors import StuckRow


class Command(BaseCommand):
    help = "List orders, custody records and mints that have not moved for a while, oldest first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=float, default=60.0, metavar="SECONDS", help="default 60")
        parser.add_argument("--json", action="store_true", help="one JSON array instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        rows = find_stuck(older_than=options["older_than"], now=now)
        if options["json"]:
            self.stdout.write(json.dumps([asdict(row) for row in rows], default=str, indent=2))
            return
        for row in rows:
            self.stdout.write(_line(row, now))
        for words in standing_processes():
            self.stdout.write(words)
        self.stdout.write(f"{len(rows)} rows have not moved for {options['older_than']:g} s")


def _line(row: StuckRow, now: datetime) -> str:
    age = timedelta(seconds=int((now - row.since).total_seconds()))
    held = "; ".join(f"held by {hold.owner}: {hold.reason}" for hold in row.holds)
    why = held or f"waits for {row.waits_for}"
    return f"{age!s:>10}  {row.kind} {row.row_id} of order {row.order_id} is {row.status}: {why}"
