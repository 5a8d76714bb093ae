"""Who holds the shares, and the proof of it for each order."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from agora.lib.statemachine import StateEvent, Stateful, append_only, event_triggers, state_triggers
from custody.states import MOVES, CustodyStatus


class VaultAccount(models.Model):
    """The custodian's named container of one asset's shares, and the inbox from which they are moved there."""

    asset = models.OneToOneField("orders.Asset", on_delete=models.PROTECT, related_name="vault_account")
    custodian = models.CharField(max_length=16)
    name = models.CharField(max_length=100)
    vendor_id = models.CharField(max_length=64)
    vendor_asset_id = models.CharField(max_length=64)
    inbox_vendor_id = models.CharField(max_length=64)  # where the broker's settlements arrive
    held_quantity = models.DecimalField(max_digits=24, decimal_places=9, default=0)  # cache: Σ completed records

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["custodian", "vendor_id"], name="vault_once_at_the_custodian"),
            models.CheckConstraint(condition=Q(held_quantity__gte=0), name="vault_held_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name


class CustodyRecord(Stateful):
    """Our row proving that N shares are held for an order: one a tranche of its fills (ADR 0003)."""

    MOVES: ClassVar = MOVES
    EMITS: ClassVar = {CustodyStatus.COMPLETED: "custody.completed"}

    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="custody_records", db_index=False)
    sequence = models.PositiveSmallIntegerField()  # 1 for an order's first tranche
    vault_account = models.ForeignKey(VaultAccount, on_delete=models.PROTECT, related_name="records")
    quantity = models.DecimalField(max_digits=18, decimal_places=9)  # shares
    status = models.CharField(max_length=24, choices=CustodyStatus.choices, default=CustodyStatus.PENDING)
    attempt = models.PositiveSmallIntegerField(default=1)
    external_tx_id = models.CharField(max_length=80, unique=True)  # ours, of the current attempt
    uncertain_since = models.DateTimeField(null=True, blank=True)
    provider_id = models.CharField(max_length=64, blank=True)
    provider_status = models.CharField(max_length=40, blank=True)  # the custodian's own words
    provider_sub_status = models.CharField(max_length=80, blank=True)
    reason = models.TextField(blank=True)
    called_at = models.DateTimeField(null=True, blank=True)  # before the current attempt's first call
    handed_over_at = models.DateTimeField(null=True, blank=True)  # a mint was requested for it

    class Meta:
        permissions: ClassVar = [
            ("retry_custodyrecord", "Can try a failed transfer again"),
            ("look_up_custodyrecord", "Can have a transfer looked up at the custodian"),
            ("close_custodyrecord", "Can propose to close the order of a failed transfer"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "sequence"], name="custody_once_a_tranche"),
            models.UniqueConstraint(
                fields=["provider_id"], condition=~Q(provider_id=""), name="custody_once_at_the_custodian"
            ),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="custody_quantity_positive"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(status__in=["PENDING", "SUBMITTED"]) | Q(status="COMPLETED", handed_over_at=None),
                name="custody_to_sweep",
            )
        ]
        triggers: ClassVar = [
            *state_triggers(
                moves=MOVES,
                initial=CustodyStatus.PENDING,
                event_table="custody_custodyevent",
                subject_column="record_id",
            ),
            pgtrigger.ReadOnly(name="claim_is_fixed", fields=["order", "sequence", "vault_account", "quantity"]),
            pgtrigger.Trigger(
                name="closed_stays_closed",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf("status"),
                condition=pgtrigger.Q(old__status="FAILED"),
                func=pgtrigger.Func("""
                    IF EXISTS (SELECT 1 FROM orders_orderclosing c WHERE c.order_id = NEW.order_id) THEN
                        RAISE EXCEPTION 'agora: the order was closed for good';
                    END IF;
                    RETURN NEW;
                """),
            ),
        ]

    def __str__(self) -> str:
        return f"custody record {self.pk}"


class CustodyEvent(StateEvent):
    record = models.ForeignKey(CustodyRecord, on_delete=models.PROTECT, related_name="events", db_index=False)

    class Meta(StateEvent.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["record", "sequence"], name="custody_event_sequence"),
        ]
        triggers: ClassVar = event_triggers(subject_table="custody_custodyrecord", subject_column="record_id")


class VendorMessage(models.Model):
    """A webhook, byte for byte, once. It says what to look up, nothing more."""

    digest = models.CharField(max_length=64, unique=True)  # sha256 of the body
    event_id = models.CharField(max_length=80, blank=True)
    event_type = models.CharField(max_length=60, blank=True)
    provider_id = models.CharField(max_length=64, blank=True, db_index=True)
    external_tx_id = models.CharField(max_length=80, blank=True, db_index=True)
    body = models.TextField()
    received_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = append_only()
