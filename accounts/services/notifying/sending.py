"""One attempt at a delivery: intent saved, request made, outcome saved (DESIGN §3).

An attempt is begun by a lease, committed before anything is sent; whoever comes to another's lease leaves it alone
until it has run out, and then presumes its holder dead: the event is sent again, under the same webhook-id. So each
attempt is made once, and each event arrives at least once, or is given up.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from accounts import pii
from accounts.feed import wire
from accounts.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from accounts.notifying import envelope, schedule
from accounts.services.notifying.endpoints import PLATFORM, disable_locked, secrets_of
from accounts.states import DeliveryStatus, EndpointStatus
from agora.lib import ids, log, outbound

logger = log.get(__name__)
S = DeliveryStatus

LEASE = timedelta(seconds=30)  # three times what a request may take
AT_ONCE = 4  # requests to one endpoint; to a troublesome one, 1
UNREADABLE_WAIT = timedelta(minutes=1)
LOST = "Interrupted"  # an attempt of which nobody lived to see the end
GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    delivery_id: UUID
    endpoint_id: UUID
    is_trouble: bool  # the endpoint fails, or takes its time


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A leased attempt, as plain values: what is sent needs no database."""

    row: Candidate
    lease: UUID
    number: int
    url: str
    content: bytes
    headers: dict[str, str]
    begun_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    milliseconds: int
    status: int | None = None
    error: str = ""  # "" with a status
    excerpt: str = ""
    retry_after: str = ""

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@transaction.atomic
def lease_deliveries(
    *, room: int, busy: Sequence[Candidate] = (), slow: Collection[UUID] = (), now: datetime
) -> list[Errand]:
    """Begin up to `room` attempts that are due and whose turn it is.

    `busy`: those of ours that are under way; `slow`: endpoints that took long the last time.

    A delivery's turn comes when no earlier event of its subject waits for its endpoint.
    """
    chosen = {one.delivery_id: one for one in choose(_due(now, slow), room=room, busy=busy)}
    rows = (
        WebhookDelivery.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("endpoint", "event")
        .filter(pk__in=[*chosen], status=S.PENDING, endpoint__status=EndpointStatus.ACTIVE, next_attempt_at__lte=now)
        .filter(Q(lease=None) | Q(leased_until__lte=now))
    )
    errands = [_begin(row, chosen[row.pk], now) for row in rows.order_by("next_attempt_at", "pk")]
    return [errand for errand in errands if errand is not None]


def choose(candidates: Sequence[Candidate], *, room: int, busy: Sequence[Candidate]) -> list[Candidate]:
    """Whom to send to now: a few at once an endpoint; one to a troublesome one, half of all threads for all those."""
    load = Counter(errand.endpoint_id for errand in busy)
    for_trouble = max(1, (room + len(busy)) // 2) - sum(errand.is_trouble for errand in busy)
    chosen: list[Candidate] = []
    for candidate in candidates:
        if len(chosen) == room:
            break
        most = min(1, for_trouble) if candidate.is_trouble else AT_ONCE
        if load[candidate.endpoint_id] < most:
            for_trouble -= candidate.is_trouble
            load[candidate.endpoint_id] += 1
            chosen.append(candidate)
    return chosen


def send(errand: Errand, policy: outbound.Policy) -> Outcome:
    """Phase 2, on any thread: no row is read or written here."""
    started = time.monotonic()
    try:
        answer = outbound.post(errand.url, body=errand.content, headers=errand.headers, policy=policy)
    except outbound.Refused:
        return Outcome(milliseconds=_since(started), error="AddressRefused")
    except outbound.Failed as failure:
        return Outcome(milliseconds=_since(started), error=str(failure)[:60])
    return Outcome(
        milliseconds=_since(started),
        status=answer.status,
        excerpt=answer.excerpt,
        retry_after=answer.retry_after if answer.status in (429, 503) else "",
    )


@transaction.atomic
def record_outcome(*, errand: Errand, outcome: Outcome, now: datetime) -> None:
    """Phase 3: note the attempt, and end the delivery or say when the next one is.

    Nothing when the lease is not ours any more: the delivery was ended meanwhile, or another presumed us dead.
    """
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=errand.row.endpoint_id)
    row = WebhookDelivery.objects.select_for_update().filter(pk=errand.row.delivery_id, lease=errand.lease).first()
    if row is None:
        logger.warning("a webhook's outcome came too late", delivery=str(errand.row.delivery_id), attempt=errand.number)
        return
    _note(row, at=errand.begun_at, outcome=outcome)
    row.lease = row.leased_until = None
    if outcome.is_success:
        row.status, row.ended_at = S.SUCCEEDED, now
    else:
        _postpone(row, outcome, now)
    row.save(update_fields=["lease", "leased_until", "status", "ended_at", "next_attempt_at", "reason"])
    _judge(endpoint, outcome, now)


def _due(now: datetime, slow: Collection[UUID]) -> list[Candidate]:
    """What is due, in line and nobody's, the oldest first, a few of each endpoint."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, endpoint_id, is_failing FROM (
                SELECT d.id, d.endpoint_id, d.next_attempt_at, w.failing_since IS NOT NULL AS is_failing,
                    row_number() OVER (PARTITION BY d.endpoint_id ORDER BY d.next_attempt_at, d.id) AS place
                FROM accounts_webhookdelivery d
                JOIN accounts_webhookendpoint w ON w.id = d.endpoint_id AND w.status = 'ACTIVE'
                WHERE d.status = 'PENDING' AND d.next_attempt_at <= %(now)s
                  AND (d.leased_until IS NULL OR d.leased_until <= %(now)s)
                  AND NOT EXISTS (
                    SELECT FROM accounts_webhookdelivery e
                    WHERE e.status = 'PENDING' AND e.endpoint_id = d.endpoint_id AND e.subject_id = d.subject_id
                      AND e.sequence < d.sequence AND e.is_replay = d.is_replay
                  )
            ) due WHERE place <= %(most)s ORDER BY next_attempt_at, id LIMIT 500
            """,
            {"now": now, "most": AT_ONCE},
        )
        return [
            Candidate(delivery_id=pk, endpoint_id=endpoint, is_trouble=is_failing or endpoint in slow)
            for pk, endpoint, is_failing in cursor.fetchall()
        ]


def _begin(row: WebhookDelivery, candidate: Candidate, now: datetime) -> Errand | None:
    """Phase 1 of a locked row; None, and later again, while its secret cannot be read."""
    try:
        keys = secrets_of(row.endpoint, now=now)
    except pii.Unreadable:  # a key is missing from PII_KEYS: that must not end a loop that others depend on
        logger.error("a webhook secret cannot be read", endpoint=str(row.endpoint_id))
        row.next_attempt_at = now + UNREADABLE_WAIT
        row.save(update_fields=["next_attempt_at"])
        return None
    if row.lease is not None:  # its holder's time is over
        _note(row, at=now, outcome=Outcome(milliseconds=0, error=LOST))
    row.attempts += 1
    row.lease, row.leased_until = ids.new_id(), now + LEASE
    row.save(update_fields=["attempts", "lease", "leased_until"])
    content = envelope.body(wire(row.event))
    return Errand(
        row=candidate,
        lease=row.lease,
        number=row.attempts,
        url=row.endpoint.url,
        content=content,
        headers=envelope.headers(message_id=str(row.event.event_id), content=content, keys=keys, now=now),
        begun_at=now,
    )


def _note(row: WebhookDelivery, *, at: datetime, outcome: Outcome) -> None:
    WebhookAttempt.objects.create(
        delivery=row,
        number=row.attempts,
        at=at,
        status_code=outcome.status,
        milliseconds=None if outcome.error == LOST else outcome.milliseconds,
        error=outcome.error,
        excerpt=outcome.excerpt,
    )


def _postpone(row: WebhookDelivery, outcome: Outcome, now: datetime) -> None:
    wait = schedule.wait_after(
        row.attempts,
        asked=schedule.asked_wait(outcome.retry_after, now=now) if outcome.retry_after else None,
        jitter=random.uniform(-1, 1),  # noqa: S311 - not a secret
    )
    if wait is None:
        row.status, row.ended_at, row.reason = S.GIVEN_UP, now, f"{row.attempts} attempts failed"
    else:
        row.next_attempt_at = now + wait
        # Who waits for it need not be looked at before: a turn costs what is due, not what waits.
        line = WebhookDelivery.objects.filter(
            endpoint_id=row.endpoint_id, subject_id=row.subject_id, is_replay=row.is_replay, status=S.PENDING
        )
        line.filter(sequence__gt=row.sequence, next_attempt_at__lt=now + wait).update(next_attempt_at=now + wait)


def _judge(endpoint: WebhookEndpoint, outcome: Outcome, now: datetime) -> None:
    """What the outcome says of a locked endpoint."""
    if outcome.is_success:
        if endpoint.failing_since is not None:
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=None, failures=0)
        return
    since = endpoint.failing_since or now
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        failing_since=Coalesce(F("failing_since"), now), failures=F("failures") + 1
    )
    if endpoint.status != EndpointStatus.ACTIVE:
        return
    if outcome.status == GONE:
        disable_locked(endpoint, actor=PLATFORM, reason="it answered 410 Gone", now=now)
    elif schedule.is_given_up_on(failing_since=since, failures=endpoint.failures + 1, now=now):
        reason = f"nothing has succeeded since {since:%Y-%m-%d %H:%M} UTC"
        disable_locked(endpoint, actor=PLATFORM, reason=reason, now=now)


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
