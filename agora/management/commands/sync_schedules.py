"""`manage.py sync_schedules`: the queue's few schedules, made to be exactly those of agora/pipeline.py."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django_q.models import Schedule

from agora.pipeline import SCHEDULES


class Command(BaseCommand):
    help = "Create, change and delete the queue's schedules so that they are the ones of agora/pipeline.py."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, (func, every) in SCHEDULES.items():
            Schedule.objects.update_or_create(name=name, defaults={"func": func, "schedule_type": every})
        Schedule.objects.filter(name__startswith="agora: ").exclude(name__in=SCHEDULES).delete()
        self.stdout.write(f"{len(SCHEDULES)} schedules")
