"""`manage.py register_rules`: tiers and disclosures, added where they are missing, and staff's groups. Repeatable."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.services import publish_disclosures, register_tiers, sync_groups


class Command(BaseCommand):
    help = "Add missing tiers, publish the current disclosures, set what each group of staff may do. Run after migrate."

    def handle(self, *args: Any, **options: Any) -> None:
        register_tiers()
        sync_groups()
        self.stdout.write(f"tiers registered, {len(publish_disclosures(now=timezone.now()))} disclosures published")
