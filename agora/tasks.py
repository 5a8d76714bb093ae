"""Housekeeping of the queue itself."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django_q.models import Task

from agora.lib import ratelimit

KEEP = timedelta(days=30)


def prune_failed_tasks() -> None:
    """django-q2 keeps failures for ever; a month is enough to look into one."""
    Task.objects.filter(stopped__lt=timezone.now() - KEEP).delete()


def prune_rate_buckets() -> None:
    """A full bucket is as good as none."""
    ratelimit.prune(now=timezone.now())
