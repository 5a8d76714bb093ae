"""`manage.py reconcile`: compare every asset's books now."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from agora.lib.errors import VendorError
from reserves import selectors, services


class Command(BaseCommand):
    help = "Compare broker, custodian and chain for every asset, at one settled block. Exit 1: a difference is open."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            services.refresh(now=timezone.now(), fresh=timedelta(0))
        except VendorError as problem:
            raise CommandError(f"Not all could be asked: {problem.detail}") from problem
        found = selectors.positions()
        for position in found:
            breaks = "; ".join(position.open_breaks) or "the books agree"
            self.stdout.write(
                f"{position.symbol}: {position.in_custody.normalize():f} in custody, {position.supply.normalize():f}"
                f" tokens at block {position.block_number}: {breaks}"
            )
        if any(position.open_breaks for position in found):
            sys.exit(1)
