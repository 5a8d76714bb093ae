"""A customer's webhook endpoints. Locks: endpoint before delivery, everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import Http404

from accounts import pii
from accounts.errors import EndpointNotActive, EventTypeUnknown, RotationOpen, TooManyEndpoints, WebhookUrlRefused
from accounts.models import Customer, PublicEvent, WebhookDelivery, WebhookEndpoint
from accounts.notifying import envelope, schedule, types
from accounts.services.notifying.announcing import announce
from accounts.states import DeliveryStatus, EndpointStatus
from agora.lib import ids, outbound, transitions

S = EndpointStatus
MOST = 5  # endpoints a customer
PLATFORM = "webhooks"  # the actor, where it is us


def policy() -> outbound.Policy:
    """Whom we call; in the sandbox, also this machine."""
    if settings.AGORA_MODE == "sandbox":
        return outbound.Policy(plain_hosts=frozenset({"127.0.0.1", "localhost"}))
    return outbound.Policy()


@transaction.atomic
def create_endpoint(
    *, customer: Customer, url: str, event_types: Sequence[str] = (), description: str = "", now: datetime
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its secret, which is shown this once. No `event_types`: all.

    Raises WebhookUrlRefused, EventTypeUnknown, TooManyEndpoints.
    """
    _check(url=url, event_types=event_types)
    Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)  # two at once are counted one after the other
    if customer.webhook_endpoints.exclude(status=S.DELETED).count() >= MOST:
        raise TooManyEndpoints(f"You have {MOST} endpoints, which is the most. Delete one, or change its URL.")
    secret, endpoint_id = envelope.new_secret(), ids.new_id()
    endpoint = WebhookEndpoint(
        id=endpoint_id,
        customer=customer,
        url=url,
        description=description,
        event_types=sorted(set(event_types)),
        secret_sealed=_seal(secret, endpoint_id),
    )
    transitions.start(endpoint, actor=f"customer:{customer.pk}", now=now)
    return endpoint, secret


@transaction.atomic
def update_endpoint(
    *,
    endpoint: WebhookEndpoint,
    url: str | None = None,
    event_types: Sequence[str] | None = None,
    description: str | None = None,
    status: str | None = None,
    now: datetime,
) -> WebhookEndpoint:
    """Change what is given; `status` ACTIVE or DISABLED. What waits goes to the new URL.

    Raises WebhookUrlRefused, EventTypeUnknown.
    """
    _check(url=url, event_types=event_types or ())
    row = _locked(endpoint.pk)
    row.url = row.url if url is None else url
    row.event_types = row.event_types if event_types is None else sorted(set(event_types))
    row.description = row.description if description is None else description
    row.updated_at = now
    row.save(update_fields=["url", "event_types", "description", "updated_at"])
    if status == S.DISABLED:
        return disable_endpoint(
            endpoint=row, actor=f"customer:{row.customer_id}", reason="its owner disabled it", now=now
        )
    return enable_endpoint(endpoint=row, now=now) if status == S.ACTIVE else row


@transaction.atomic
def rotate_secret(*, endpoint: WebhookEndpoint, overlap: timedelta = schedule.OVERLAP, now: datetime) -> str:
    """A new secret, shown this once. The old one signs too until the overlap is over; with none it ends here and now.

    Raises RotationOpen while an overlap is under way: the receiver may still have the oldest. With no overlap it is
    always done: that is for a secret that got out.
    """
    row = _locked(endpoint.pk)
    is_open = row.previous_secret_until is not None and row.previous_secret_until > now
    if is_open and overlap:
        raise RotationOpen("The last rotation is not over. Wait for it to end, or rotate with overlap_seconds 0.")
    secret = envelope.new_secret()
    row.previous_secret_sealed = row.secret_sealed if overlap else ""
    row.previous_secret_until = now + min(overlap, schedule.LONGEST_OVERLAP) if overlap else None
    row.secret_sealed, row.updated_at = _seal(secret, row.pk), now
    row.save(update_fields=["secret_sealed", "previous_secret_sealed", "previous_secret_until", "updated_at"])
    return secret


@transaction.atomic
def disable_endpoint(*, endpoint: WebhookEndpoint, actor: str, reason: str, now: datetime) -> WebhookEndpoint:
    """Send nothing there any more; what waits is given up. Nothing when it is disabled already."""
    row = _locked(endpoint.pk)
    if row.status == S.ACTIVE:
        disable_locked(row, actor=actor, reason=reason, now=now)
    return row


def disable_locked(row: WebhookEndpoint, *, actor: str, reason: str, now: datetime) -> None:
    """The same, of a row that the caller has locked and found ACTIVE."""
    row.disabled_at, row.disabled_reason = now, reason
    fields = ("disabled_at", "disabled_reason")
    transitions.apply(row, to=S.DISABLED, actor=actor, reason=reason, now=now, fields=fields)
    _give_up_waiting(row, "the endpoint was disabled", now)


@transaction.atomic
def enable_endpoint(*, endpoint: WebhookEndpoint, now: datetime) -> WebhookEndpoint:
    """Send again, from now on; what was missed is in the feed, and can be replayed. Nothing when it is active."""
    row = _locked(endpoint.pk)
    if row.status == S.DISABLED:
        row.disabled_at, row.disabled_reason, row.failing_since, row.failures = None, "", None, 0
        fields = ("disabled_at", "disabled_reason", "failing_since", "failures")
        transitions.apply(row, to=S.ACTIVE, actor=f"customer:{row.customer_id}", now=now, fields=fields)
    return row


@transaction.atomic
def delete_endpoint(*, endpoint: WebhookEndpoint, now: datetime) -> None:
    """For good: its secrets are wiped, what waits is given up. Its log stays for a month."""
    row = _locked(endpoint.pk)
    _delete(row, actor=f"customer:{row.customer_id}", now=now)


@transaction.atomic
def delete_endpoints_of(*, customer: Customer, actor: str, now: datetime) -> None:
    """Every endpoint of an account that is closed, and where all of them ever led."""
    for row in customer.webhook_endpoints.select_for_update(no_key=True).exclude(status=S.DELETED).order_by("pk"):
        _delete(row, actor=actor, now=now)
    customer.webhook_endpoints.update(url="", description="")


def _delete(row: WebhookEndpoint, *, actor: str, now: datetime) -> None:
    row.secret_sealed = row.previous_secret_sealed = row.disabled_reason = ""
    row.previous_secret_until = row.disabled_at = None
    fields = ("secret_sealed", "previous_secret_sealed", "previous_secret_until", "disabled_at", "disabled_reason")
    transitions.apply(row, to=S.DELETED, actor=actor, now=now, fields=fields)
    _give_up_waiting(row, "the endpoint was deleted", now)


@transaction.atomic
def fire_test(*, endpoint: WebhookEndpoint, now: datetime) -> PublicEvent:
    """A webhook_endpoint.test event for this endpoint alone; the one that still waits, if one does.

    Raises EndpointNotActive.
    """
    row = active(endpoint.pk)
    waiting = PublicEvent.objects.filter(
        customer_id=row.customer_id, position=None, type=types.TEST, data__endpoint_id=str(row.pk)
    ).first()
    pending = row.deliveries.filter(status=DeliveryStatus.PENDING, event__type=types.TEST, is_replay=False).first()
    if waiting or pending:
        return waiting or pending.event  # type: ignore[union-attr]
    data = {"endpoint_id": str(row.pk), "message": "This is a test: nothing happened."}
    return announce(
        type=types.TEST,
        customer_id=row.customer_id,
        subject=("webhook_test", ids.new_id()),
        sequence=1,
        data=data,
        at=now,
    )


def active(endpoint_id: UUID) -> WebhookEndpoint:
    """The row, locked. Raises EndpointNotActive."""
    row = _locked(endpoint_id)
    if row.status != S.ACTIVE:
        raise EndpointNotActive("Enable the endpoint first.")
    return row


def secrets_of(row: WebhookEndpoint, *, now: datetime) -> tuple[str, ...]:
    """What signs now, the newest first."""
    sealed = [row.secret_sealed]
    if row.previous_secret_until is not None and row.previous_secret_until > now:
        sealed.append(row.previous_secret_sealed)
    return tuple(pii.unseal(text, owner=_owner(row.pk)) for text in sealed)


def reseal_webhook_secrets() -> int:
    """Encrypt with today's key what an older one sealed; how many endpoints. Safe to repeat."""
    done = 0
    for pk in list(WebhookEndpoint.objects.exclude(status=S.DELETED).values_list("pk", flat=True)):
        with transaction.atomic():
            row = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=pk)
            texts = {"secret_sealed": row.secret_sealed, "previous_secret_sealed": row.previous_secret_sealed}
            stale = {name: text for name, text in texts.items() if text and not pii.is_current(text)}
            for name, text in stale.items():
                setattr(row, name, _seal(pii.unseal(text, owner=_owner(pk)), pk))
            row.save(update_fields=[*stale])
            done += bool(stale)
    return done


def _check(*, url: str | None, event_types: Sequence[str]) -> None:
    unknown = sorted(set(event_types) - types.ALL)
    if unknown:
        raise EventTypeUnknown(
            f"{unknown[0]!r} is no event type. docs/webhooks.md lists them; leave the list empty for all."
        )
    if url is not None:
        try:
            outbound.check(url, policy=policy())
        except outbound.Refused as refusal:
            raise WebhookUrlRefused(str(refusal)) from None


def _locked(endpoint_id: UUID) -> WebhookEndpoint:
    """Http404 for one that was deleted meanwhile."""
    row = WebhookEndpoint.objects.select_for_update(no_key=True).exclude(status=S.DELETED).filter(pk=endpoint_id)
    endpoint = row.first()
    if endpoint is None:
        raise Http404
    return endpoint


def _give_up_waiting(row: WebhookEndpoint, reason: str, now: datetime) -> None:
    WebhookDelivery.objects.filter(endpoint=row, status=DeliveryStatus.PENDING).update(
        status=DeliveryStatus.GIVEN_UP, ended_at=now, reason=reason, lease=None, leased_until=None
    )


def _seal(secret: str, endpoint_id: UUID) -> str:
    return pii.seal(secret, owner=_owner(endpoint_id))


def _owner(endpoint_id: UUID) -> str:
    return f"webhook-endpoint:{endpoint_id}:secret"
