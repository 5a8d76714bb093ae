"""`manage.py reseal_pii`: encrypt with the first of PII_KEYS what an older key sealed. Safe to repeat."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from accounts.services import reseal_tax_ids, reseal_webhook_secrets


class Command(BaseCommand):
    help = "Encrypt with today's key what an older one sealed; then the old one may be dropped."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{reseal_tax_ids()} tax ids sealed anew")
        self.stdout.write(f"{reseal_webhook_secrets()} webhook endpoints' secrets sealed anew")
