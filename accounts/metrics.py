"""How holds, webhooks out, and the desk's work stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q

from accounts.caseload import open_cases
from accounts.models import AuditEntry, Customer, Hold, WebhookDelivery, WebhookEndpoint
from accounts.selectors import WAITING
from accounts.states import DeliveryStatus, EndpointStatus
from agora.lib.metrics import Gauge, Reading, Source, seconds_since

ACTIVE = Gauge(
    name="agora_holds", help="Holds that stand, by what they stop and whose they are.", labels=("subject", "owner")
)

DELIVERIES = Gauge(name="agora_webhook_deliveries_waiting", help="Webhook deliveries that are not done.")
DELIVERY_OLDEST = Gauge(
    name="agora_webhook_due_seconds", help="How long ago the webhook delivery that is due longest became due."
)
DISABLED = Gauge(name="agora_webhook_endpoints_disabled", help="Webhook endpoints that were given up.")

KYC = Gauge(name="agora_identity_waiting", help="Customers who wait for an identity decision.")
KYC_OLDEST = Gauge(name="agora_identity_oldest_seconds", help="How long the first of them has waited.")
CASES = Gauge(name="agora_cases", help="Open cases of monitoring, by whether they are overdue.", labels=("overdue",))
UNSEALED = Gauge(name="agora_audit_log_unsealed_seconds", help="Age of the oldest audit entry without a seal.")


def _holds(*, now: datetime) -> Iterator[Reading]:
    standing = Hold.objects.filter(released_at=None).filter(Q(until=None) | Q(until__gt=now))
    rows = standing.values_list("subject", "owner")
    found = Counter((subject.partition(":")[0], owner.partition(":")[0]) for subject, owner in rows.iterator())
    for (subject, owner), number in found.items():
        yield ACTIVE.is_at(number, subject=subject, owner=owner)


def _webhooks(*, now: datetime) -> Iterator[Reading]:
    waiting = WebhookDelivery.objects.filter(status=DeliveryStatus.PENDING)
    yield DELIVERIES.is_at(waiting.count())
    due = waiting.filter(next_attempt_at__lte=now).order_by("next_attempt_at")
    yield DELIVERY_OLDEST.is_at(seconds_since(due.values_list("next_attempt_at", flat=True).first(), now))
    yield DISABLED.is_at(WebhookEndpoint.objects.filter(status=EndpointStatus.DISABLED).count())


def _desk(*, now: datetime) -> Iterator[Reading]:
    waiting = Customer.objects.filter(WAITING).order_by("submitted_at")
    yield KYC.is_at(waiting.count())
    yield KYC_OLDEST.is_at(seconds_since(waiting.values_list("submitted_at", flat=True).first(), now))
    overdue = Counter(case.is_overdue for case in open_cases(now=now))
    yield CASES.is_at(overdue[True], overdue="yes")
    yield CASES.is_at(overdue[False], overdue="no")
    unsealed = AuditEntry.objects.filter(position=None).order_by("at").values_list("at", flat=True)
    yield UNSEALED.is_at(seconds_since(unsealed.first(), now))


HOLDS = Source(name="holds", gauges=(ACTIVE,), read=_holds)
WEBHOOKS = Source(name="webhooks", gauges=(DELIVERIES, DELIVERY_OLDEST, DISABLED), read=_webhooks)
DESK = Source(name="desk", gauges=(KYC, KYC_OLDEST, CASES, UNSEALED), read=_desk)
