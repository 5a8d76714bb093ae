"""Reads of public events, webhook endpoints and how deliveries went. Each has one door, by the customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Max, QuerySet
from django.http import Http404

from accounts.errors import EventCursorUnknown
from accounts.models import Customer, PublicEvent, WebhookDelivery, WebhookEndpoint
from accounts.notifying import envelope
from accounts.states import EndpointStatus


def events_after(
    *, customer: Customer, after: UUID | None = None, types: Sequence[str] = (), limit: int = 100
) -> list[PublicEvent]:
    """The customer's events after the one with that id (None: from the first), in the order of their positions.

    An event that is here has all before it here, for good: a reader that goes on after the last one it got misses none
    (services/notifying/publishing.py). What was committed an instant ago comes as soon as the follower has numbered
    it. Raises EventCursorUnknown for an id that is not one of theirs.
    """
    rows = PublicEvent.objects.filter(customer=customer, position__isnull=False)
    if after is not None:
        start = rows.filter(event_id=after).values_list("position", flat=True).first()
        if start is None:
            raise EventCursorUnknown("Go on after the id of an event that you got from here, or start without one.")
        rows = rows.filter(position__gt=start)
    if types:
        rows = rows.filter(type__in=types)
    return list(rows.order_by("position")[:limit])


def newest_position() -> int:
    """Of all customers' events: 0 before the first."""
    return PublicEvent.objects.aggregate(newest=Max("position"))["newest"] or 0


def news_since(*, position: int) -> dict[UUID, int]:
    """Whose events came after that position, and each one's newest. All customers: it is for waking readers."""
    rows = PublicEvent.objects.filter(position__gt=position).order_by()
    return dict(rows.values("customer_id").annotate(newest=Max("position")).values_list("customer_id", "newest"))


def event_for(*, customer: Customer, event_id: UUID) -> PublicEvent:
    """Http404 for another's, for one that is not numbered yet, and for none."""
    row = PublicEvent.objects.filter(customer=customer, event_id=event_id, position__isnull=False).first()
    if row is None:
        raise Http404
    return row


def wire(event: PublicEvent) -> dict[str, Any]:
    """An event as integrators see it, in the feed and in a delivery alike."""
    return envelope.put(
        event_id=event.event_id,
        type=event.type,
        at=event.at,
        subject=(event.subject_kind, event.subject_id),
        sequence=event.sequence,
        data=event.data,
    )


def endpoints_of(*, customer: Customer) -> list[WebhookEndpoint]:
    return list(customer.webhook_endpoints.exclude(status=EndpointStatus.DELETED).order_by("created_at", "pk"))


def endpoint_for(*, customer: Customer, endpoint_id: UUID) -> WebhookEndpoint:
    """Http404 for another's, a deleted one, and none."""
    rows = customer.webhook_endpoints.exclude(status=EndpointStatus.DELETED)
    row = rows.filter(pk=endpoint_id).first()
    if row is None:
        raise Http404
    return row


def deliveries_of(*, endpoint: WebhookEndpoint, status: str = "") -> QuerySet[WebhookDelivery]:
    """With their events and attempts, the latest first."""
    rows = endpoint.deliveries.select_related("event").prefetch_related("log")
    return (rows.filter(status=status) if status else rows).order_by("-created_at", "-event_id")


def delivery_for(*, endpoint: WebhookEndpoint, delivery_id: UUID) -> WebhookDelivery:
    row = deliveries_of(endpoint=endpoint).filter(pk=delivery_id).first()
    if row is None:
        raise Http404
    return row
