"""`manage.py set_rate PYG 7300 --at 2026-11-20 --source "Banco Central del Paraguay"`: a rate that no feed brings."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from orders.errors import RateRefused
from orders.services import record_rate


class Command(BaseCommand):
    help = "Keep a reference rate of the dollar, shown to customers with its date and source. Never used for orders."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("currency", help="PYG or BRL")
        parser.add_argument("per_usd", help="so many of it for a dollar, with a decimal point: 7300 or 5.4321")
        parser.add_argument("--at", help="of which day or moment (ISO 8601, UTC unless it says otherwise); default now")
        parser.add_argument("--source", required=True, help="who says so, as customers are to read it")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            rate = Decimal(options["per_usd"])
            at = datetime.fromisoformat(options["at"]) if options["at"] else now
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
            source, currency = options["source"], options["currency"]
            is_kept = record_rate(currency=currency, per_usd=rate, at=at, source=source, now=now)
        except (InvalidOperation, ValueError) as problem:
            raise CommandError(f"Not a number or not a time: {problem}") from problem
        except RateRefused as refusal:
            raise CommandError(refusal.detail) from refusal
        if not is_kept:
            raise CommandError(f"A rate of {currency} of a later moment is kept already; nothing was changed.")
        self.stdout.write(f"1 USD = {rate} {currency}, {at:%Y-%m-%d %H:%M} ({source})")
