"""`manage.py sync_schedules`: the queue's few schedules, made to be exactly these."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django_q.models import Schedule

# Housekeeping only: what the loop needs is in `manage.py follow`, for a schedule is looked at every 30 s at best.
SCHEDULES = {
    "agora: prune failed tasks": ("agora.tasks.prune_failed_tasks", Schedule.DAILY),
    "agora: prune API answers and sessions": ("accounts.tasks.prune_api", Schedule.HOURLY),
    "agora: prune rate buckets": ("agora.tasks.prune_rate_buckets", Schedule.HOURLY),
    "agora: prune sign-in challenges": ("accounts.tasks.prune_challenges", Schedule.DAILY),
    "agora: prune webhook deliveries": ("accounts.tasks.prune_deliveries", Schedule.DAILY),
    "agora: erase closed accounts": ("accounts.tasks.erase_closed_accounts", Schedule.DAILY),
}


class Command(BaseCommand):
    help = "Create, change and delete the queue's schedules so that they are the ones in this file."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, (func, every) in SCHEDULES.items():
            Schedule.objects.update_or_create(name=name, defaults={"func": func, "schedule_type": every})
        Schedule.objects.filter(name__startswith="agora: ").exclude(name__in=SCHEDULES).delete()
        self.stdout.write(f"{len(SCHEDULES)} schedules")
