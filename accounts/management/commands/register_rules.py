"""`manage.py register_rules`: the tiers and the disclosures, added where they are missing. Safe to repeat."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.services import publish_disclosures, register_tiers


class Command(BaseCommand):
    help = "Add missing tiers and publish the current disclosures. Run after migrate."

    def handle(self, *args: Any, **options: Any) -> None:
        register_tiers()
        self.stdout.write(f"tiers registered, {len(publish_disclosures(now=timezone.now()))} disclosures published")
