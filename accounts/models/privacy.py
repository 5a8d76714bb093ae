"""What customers ask of their own data: a copy of it, and an end to it."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from accounts.models.people import Customer
from accounts.states import DELETION_MOVES, DeletionStatus
from agora.lib.statemachine import StateEvent, Stateful, append_only, event_triggers, state_triggers


class DataExport(models.Model):
    """A customer took a copy of their data: that they did, when, and of which bytes. The copy itself is not kept."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="data_exports")
    actor = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="data_export_hash_shape"),
        ]
        triggers: ClassVar = append_only()


class DeletionRequest(Stateful):
    """A customer's wish to leave, and what became of it."""

    MOVES: ClassVar = DELETION_MOVES

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="deletion_requests")
    status = models.CharField(max_length=10, choices=DeletionStatus.choices, default=DeletionStatus.REQUESTED)
    reason = models.TextField(blank=True)  # the customer's words: erased with the account
    sentence = models.TextField(blank=True)  # why it was refused, for the customer
    erase_after = models.DateTimeField(null=True, blank=True)  # until then the law wants the identity kept

    class Meta:
        permissions: ClassVar = [("decide_deletionrequest", "Can close an account or refuse to")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["customer"],
                condition=Q(status__in=["REQUESTED", "CLOSED", "ERASED"]),
                name="deletion_one_a_customer",
            ),
            models.CheckConstraint(condition=Q(status__in=DeletionStatus.values), name="deletion_status_known"),
            models.CheckConstraint(
                condition=~Q(status="CLOSED") | Q(erase_after__isnull=False), name="deletion_closed_until"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["CLOSED", "ERASED"]) | Q(reason=""), name="deletion_done_keeps_no_words"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_attempt_at"], condition=Q(status="CLOSED"), name="deletion_to_erase"),
        ]
        triggers: ClassVar = [
            *state_triggers(
                moves=DELETION_MOVES,
                initial=DeletionStatus.REQUESTED,
                event_table="accounts_deletionevent",
                subject_column="request_id",
            ),
            pgtrigger.ReadOnly(name="asker_is_fixed", fields=["customer"]),
        ]

    def __str__(self) -> str:
        return f"deletion request {self.pk}"


class DeletionEvent(StateEvent):
    request = models.ForeignKey(DeletionRequest, on_delete=models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "sequence"], name="deletion_event_sequence"),
        ]
        triggers: ClassVar = event_triggers(subject_table="accounts_deletionrequest", subject_column="request_id")
