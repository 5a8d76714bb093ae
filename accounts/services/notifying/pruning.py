"""Forgetting how deliveries went, a month after their end. The events themselves are kept."""

from __future__ import annotations

from datetime import datetime

from accounts.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from accounts.notifying import schedule

BATCH = 1000


def prune_deliveries(*, now: datetime) -> int:
    """Delete what ended more than a month ago, and wipe secrets whose overlap is over; how many deliveries went."""
    WebhookEndpoint.objects.filter(previous_secret_until__lte=now).update(
        previous_secret_sealed="", previous_secret_until=None
    )
    done = 0
    while batch := list(
        WebhookDelivery.objects.filter(ended_at__lt=now - schedule.KEEP).values_list("pk", flat=True)[:BATCH]
    ):
        WebhookAttempt.objects.filter(delivery__in=batch).delete()
        done += WebhookDelivery.objects.filter(pk__in=batch).delete()[0]
    return done
