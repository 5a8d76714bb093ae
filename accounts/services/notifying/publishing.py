"""Numbering public events into the one order that readers go by, and putting them on their way to endpoints.

Transactions commit in another order than they took their ids and times in, so a reader who remembers the last id it
saw would miss what was written before and committed later. A position is given to committed events only, by one
transaction at a time: while it holds the lock nobody else numbers, and the lock ends after its commit is visible. So
whoever sees position n sees all below it, for good. (The other way, to hide what is younger than the oldest running
transaction by its xid, breaks when the database is restored elsewhere, and stalls on any long transaction.)

Events of one subject are written one after the other under its row's lock: their ids, and so their
positions, are in sequence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from accounts.models import PublicEvent, WebhookDelivery, WebhookEndpoint
from accounts.notifying import types
from accounts.states import EndpointStatus
from agora.lib import locks

BATCH = 500


def publish_events(*, now: datetime) -> int:
    """Number what is committed and not numbered yet, with its deliveries; how many. Raises nothing of its own."""
    if not PublicEvent.objects.filter(position=None).exists():
        return 0
    with transaction.atomic():
        locks.lock_in_transaction("feed", "public-events")
        events = PublicEvent.objects.in_bulk(_number())
        _address(sorted(events.values(), key=lambda event: event.position or 0), now)
    return len(events)


def _number() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE accounts_publicevent event SET position = numbered.position FROM (
                SELECT id, row_number() OVER (ORDER BY id)
                    + coalesce((SELECT max(position) FROM accounts_publicevent), 0) AS position
                FROM (SELECT id FROM accounts_publicevent WHERE position IS NULL ORDER BY id LIMIT %s) waiting
            ) numbered
            WHERE event.id = numbered.id RETURNING event.id
            """,
            [BATCH],
        )
        return [row[0] for row in cursor.fetchall()]


def _address(events: Sequence[PublicEvent], now: datetime) -> None:
    """A delivery for each endpoint that is active and asked for the type. Locked: none is disabled between."""
    customers = {event.customer_id for event in events}
    rows = WebhookEndpoint.objects.select_for_update(no_key=True).order_by("pk")
    by_customer: dict[UUID, list[WebhookEndpoint]] = defaultdict(list)
    for endpoint in rows.filter(customer__in=customers, status=EndpointStatus.ACTIVE):
        by_customer[endpoint.customer_id].append(endpoint)
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            endpoint=endpoint,
            event=event,
            subject_id=event.subject_id,
            sequence=event.sequence,
            next_attempt_at=now,
            created_at=now,
        )
        for event in events
        for endpoint in by_customer[event.customer_id]
        if _asked_for(endpoint, event)
    )
    _stand_in_line([event.pk for event in events])


def _stand_in_line(event_ids: list[int]) -> None:
    """What comes behind a delivery that waits for its next attempt is due no sooner than that."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE accounts_webhookdelivery d SET next_attempt_at = line.next_attempt_at
            FROM accounts_webhookdelivery line
            WHERE d.event_id = ANY(%s) AND NOT d.is_replay AND d.status = 'PENDING'
              AND line.endpoint_id = d.endpoint_id AND line.subject_id = d.subject_id AND line.status = 'PENDING'
              AND NOT line.is_replay AND line.sequence < d.sequence AND line.next_attempt_at > d.next_attempt_at
            """,
            [event_ids],
        )


def _asked_for(endpoint: WebhookEndpoint, event: PublicEvent) -> bool:
    if event.type == types.TEST:
        return bool(event.data["endpoint_id"] == str(endpoint.pk))
    return not endpoint.event_types or event.type in endpoint.event_types
