"""`manage.py stuck`: what has not moved, since when, what it waits for, and who holds it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from custody.selectors import stuck_custody
from minting.selectors import stuck_mints
from orders.selectors import StuckRow, stuck_orders


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
        self.stdout.write(f"{len(rows)} rows have not moved for {options['older_than']:g} s")


def find_stuck(*, older_than: float, now: datetime) -> list[StuckRow]:
    before = now - timedelta(seconds=older_than)
    found = [
        *stuck_orders(before=before, now=now),
        *stuck_custody(before=before, now=now),
        *stuck_mints(before=before, now=now),
    ]
    return sorted(found, key=lambda row: row.since)


def _line(row: StuckRow, now: datetime) -> str:
    age = timedelta(seconds=int((now - row.since).total_seconds()))
    held = "; ".join(f"held by {hold.owner}: {hold.reason}" for hold in row.holds)
    why = held or f"waits for {row.waits_for}"
    return f"{age!s:>10}  {row.kind} {row.row_id} of order {row.order_id} is {row.status}: {why}"
