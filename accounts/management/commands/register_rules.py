"""`manage.py register_rules`: adds missing tiers, disclosures and monitoring rules; staff's groups. Repeatable."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.services import publish_disclosures, register_monitoring_rules, register_tiers, sync_groups


class Command(BaseCommand):
    help = "Add missing tiers, monitoring rules and disclosures, set what staff's groups may do. Run after migrate."

    def handle(self, *args: Any, **options: Any) -> None:
        register_tiers()
        sync_groups()
        now = timezone.now()
        texts, rules = len(publish_disclosures(now=now)), register_monitoring_rules(now=now)
        self.stdout.write(f"tiers registered, {texts} disclosures published, {rules} monitoring rules added")
