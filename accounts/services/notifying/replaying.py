"""Sending again what was sent, or given up: under the same webhook-id, for it is the same event."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.http import Http404

from accounts.models import PublicEvent, WebhookDelivery, WebhookEndpoint
from accounts.services.notifying.endpoints import active
from accounts.states import DeliveryStatus


@transaction.atomic
def replay_event(*, endpoint: WebhookEndpoint, event: PublicEvent, now: datetime) -> WebhookDelivery:
    """A new delivery of one of the customer's events; the one that still waits, if one does. First deliveries do not
    wait for it, replays of one subject wait for each other.

    Raises EndpointNotActive, Http404 for another customer's event.
    """
    row = active(endpoint.pk)
    if event.customer_id != row.customer_id or event.position is None:
        raise Http404
    waiting = row.deliveries.filter(event=event, status=DeliveryStatus.PENDING).first()
    return waiting or WebhookDelivery.objects.create(
        endpoint=row,
        event=event,
        subject_id=event.subject_id,
        sequence=event.sequence,
        is_replay=True,
        next_attempt_at=now,
        created_at=now,
    )


def replay_delivery(*, delivery: WebhookDelivery, now: datetime) -> WebhookDelivery:
    """The same event to the same endpoint again. Raises EndpointNotActive."""
    return replay_event(endpoint=delivery.endpoint, event=delivery.event, now=now)
