"""`manage.py register_rules`: adds missing tiers, disclosures and monitoring rules. Safe to repeat."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.services import publish_disclosures, register_monitoring_rules, register_tiers


class Command(BaseCommand):
    help = "Add missing tiers and monitoring rules, and publish the current disclosures. Run after migrate."

    def handle(self, *args: Any, **options: Any) -> None:
        register_tiers()
        now = timezone.now()
        texts, rules = len(publish_disclosures(now=now)), register_monitoring_rules(now=now)
        self.stdout.write(f"tiers registered, {texts} disclosures published, {rules} monitoring rules added")
