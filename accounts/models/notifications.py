"""What integrators are told, where, and how that went."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from accounts.models.people import Customer
from accounts.states import ENDPOINT_MOVES, DeliveryStatus, EndpointStatus
from agora.lib.ids import new_id
from agora.lib.statemachine import StateEvent, Stateful, append_only, state_triggers

# A little less than schedule.KEEP: pruning goes by the caller's clock, this by the database's.
KEPT = "now() - interval '29 days'"


class PublicEvent(models.Model):
    """A move of an order, a customer or an endpoint, as its customer's integrator hears of it. No personal data.

    Written in the transaction of the move; numbered a moment later, by one publisher at a time (`position`), so that
    a reader who goes by position meets every event: ids and times are not in the order of commits, positions are.
    """

    event_id = models.UUIDField(unique=True, default=new_id, editable=False)  # what integrators know it by
    type = models.CharField(max_length=40)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="public_events", db_index=False
    )  # the feed's index begins with it
    subject_kind = models.CharField(max_length=20)
    subject_id = models.UUIDField()  # of a later app, perhaps: no foreign key upwards
    sequence = models.PositiveIntegerField()  # of the subject: its version, from 1, without a gap
    data = models.JSONField()
    at = models.DateTimeField()
    position = models.BigIntegerField(null=True, blank=True, unique=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subject_id", "sequence"], name="public_event_once_a_move"),
            models.CheckConstraint(condition=Q(position=None) | Q(position__gt=0), name="public_event_position"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(position=None), name="public_event_to_number"),
            models.Index(fields=["customer", "position"], name="public_event_feed"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="fact_is_fixed", exclude=["position"]),
            pgtrigger.Protect(
                name="numbered_once", operation=pgtrigger.Update, condition=pgtrigger.Q(old__position__isnull=False)
            ),
        ]


class WebhookEndpoint(Stateful):
    """A customer's address for public events. Its status is moved by services.notifying alone."""

    MOVES: ClassVar = ENDPOINT_MOVES
    EMITS: ClassVar = {EndpointStatus.DISABLED: "webhook.disabled"}

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="webhook_endpoints")
    url = models.CharField(max_length=500)
    description = models.CharField(max_length=200, blank=True)
    event_types = models.JSONField(default=list, blank=True)  # []: all of them
    status = models.CharField(max_length=10, choices=EndpointStatus.choices, default=EndpointStatus.ACTIVE)
    secret_sealed = models.TextField(blank=True)  # accounts.pii: encrypted, bound to this row; "" once deleted
    previous_secret_sealed = models.TextField(blank=True)  # signs too, until
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)  # nothing has succeeded since
    failures = models.PositiveIntegerField(default=0)  # in a row
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(status__in=EndpointStatus.values), name="endpoint_status_known"),
            models.CheckConstraint(
                condition=Q(status="DELETED", secret_sealed="")
                | (~Q(status="DELETED") & Q(secret_sealed__regex=r"^v1\.[a-z0-9-]+\.[A-Za-z0-9_-]+=*$")),  # noqa: S106 - its shape
                name="endpoint_secret_sealed",
            ),
            models.CheckConstraint(
                condition=Q(previous_secret_sealed="", previous_secret_until=None)
                | (Q(previous_secret_until__isnull=False) & ~Q(previous_secret_sealed="")),
                name="endpoint_overlap_ends",
            ),
            models.CheckConstraint(
                condition=Q(status="DISABLED", disabled_at__isnull=False)
                | (~Q(status="DISABLED") & Q(disabled_at=None)),
                name="endpoint_disabled_at",
            ),
            models.CheckConstraint(
                condition=Q(failing_since=None, failures=0) | Q(failing_since__isnull=False, failures__gt=0),
                name="endpoint_failing_since",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer"], condition=~Q(status="DELETED"), name="endpoint_of_customer"),
        ]
        triggers: ClassVar = state_triggers(
            moves=ENDPOINT_MOVES,
            initial=EndpointStatus.ACTIVE,
            event_table="accounts_webhookendpointevent",
            subject_column="endpoint_id",
        )

    def __str__(self) -> str:
        return f"webhook endpoint {self.pk}"


class WebhookEndpointEvent(StateEvent):
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["endpoint", "sequence"], name="endpoint_event_sequence"),
        ]
        triggers: ClassVar = append_only()


class WebhookDelivery(models.Model):
    """One event on its way to one endpoint. Kept for a month after its end.

    A *lease* is the right to make the next attempt: `lease` names it; at `leased_until` its holder is presumed
    dead.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries")
    event = models.ForeignKey(PublicEvent, on_delete=models.PROTECT, related_name="deliveries")
    subject_id = models.UUIDField()  # the event's, repeated for the queue's index
    sequence = models.PositiveIntegerField()
    is_replay = models.BooleanField(default=False)  # asked for again by the owner; first deliveries do not wait for it
    status = models.CharField(max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0)  # begun
    next_attempt_at = models.DateTimeField()
    lease = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True)  # why it was given up

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["endpoint", "event"], condition=Q(is_replay=False), name="delivery_once_an_endpoint"
            ),
            models.UniqueConstraint(
                fields=["endpoint", "event"],
                condition=Q(is_replay=True, status="PENDING"),
                name="delivery_one_replay_at_a_time",
            ),
            models.CheckConstraint(condition=Q(status__in=DeliveryStatus.values), name="delivery_status_known"),
            models.CheckConstraint(
                condition=Q(status="PENDING", ended_at=None)
                | (~Q(status="PENDING") & Q(ended_at__isnull=False, lease=None)),
                name="delivery_ended_at",
            ),
            models.CheckConstraint(
                condition=Q(lease=None, leased_until=None) | Q(lease__isnull=False, leased_until__isnull=False),
                name="delivery_lease_ends",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_attempt_at"], condition=Q(status="PENDING"), name="delivery_to_send"),
            models.Index(
                fields=["endpoint", "subject_id", "sequence"], condition=Q(status="PENDING"), name="delivery_in_line"
            ),
            models.Index(fields=["endpoint", "-created_at"], name="delivery_log"),
            models.Index(fields=["ended_at"], condition=~Q(status="PENDING"), name="delivery_to_prune"),
        ]
        triggers: ClassVar = [
            pgtrigger.FSM(
                name="ends_once", field="status", transitions=[("PENDING", "SUCCEEDED"), ("PENDING", "GIVEN_UP")]
            ),
            pgtrigger.ReadOnly(
                name="errand_is_fixed",
                fields=["endpoint", "event", "subject_id", "sequence", "is_replay", "created_at"],
            ),
            pgtrigger.Protect(
                name="kept_for_a_month",
                operation=pgtrigger.Delete,
                condition=pgtrigger.Condition(f"OLD.ended_at IS NULL OR OLD.ended_at > {KEPT}"),
            ),
        ]


class WebhookAttempt(models.Model):
    """One request to an endpoint, and what came of it."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="log")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    status_code = models.PositiveIntegerField(null=True, blank=True)
    milliseconds = models.PositiveIntegerField(null=True, blank=True)  # None: nobody lived to see its end
    error = models.CharField(max_length=60, blank=True)
    excerpt = models.TextField(blank=True)  # of the answer, at most a kilobyte

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["delivery", "number"], name="attempt_once_a_number"),
            models.CheckConstraint(
                condition=Q(status_code__isnull=False, error="") | (Q(status_code=None) & ~Q(error="")),
                name="attempt_answered_or_not",
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="fact_is_fixed", operation=pgtrigger.Update),
            pgtrigger.Protect(
                name="kept_for_a_month",
                operation=pgtrigger.Delete,
                condition=pgtrigger.Condition(f"OLD.at > {KEPT}"),
            ),
        ]
