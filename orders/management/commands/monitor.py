"""`manage.py monitor`: judge by the monitoring rules now, further back than the follower's loop does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from orders.services import evaluate_rules


class Command(BaseCommand):
    help = "Open the cases that the monitoring rules ask for. For after a stop of days; safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=2, help="how far back (default 2)")

    def handle(self, *args: Any, **options: Any) -> None:
        opened = evaluate_rules(now=timezone.now(), look_back=timedelta(days=options["days"]))
        self.stdout.write(f"{opened} cases opened")
