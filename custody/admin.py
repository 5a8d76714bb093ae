from __future__ import annotations

from typing import Any

from django.contrib import admin

from agora.lib.admin import Act, ReadOnlyAdmin, ReadOnlyInline, ReasonedAction, ReasonedAdmin
from custody import services
from custody.models import CustodyEvent, CustodyRecord, VaultAccount, VendorMessage


class EventInline(ReadOnlyInline):
    model = CustodyEvent


@admin.register(VaultAccount)
class VaultAccountAdmin(ReadOnlyAdmin):
    list_display = ("name", "asset", "custodian", "vendor_id", "held_quantity")


def _retry(row: CustodyRecord, act: Act) -> None:
    services.retry_custody(record_id=row.pk, actor=act.actor, reason=act.reason, now=act.now)


def _has_failed(row: CustodyRecord, user: Any) -> str:
    return "" if row.status == "FAILED" else f"This record is {row.status}."


@admin.register(CustodyRecord)
class CustodyRecordAdmin(ReasonedAdmin):
    list_display = (
        "id",
        "order",
        "sequence",
        "quantity",
        "status",
        "provider_status",
        "provider_sub_status",
        "updated_at",
    )
    list_filter = ("status",)
    list_select_related = ("order",)
    search_fields = ("=id", "=order__id", "=external_tx_id", "=provider_id")
    inlines = (EventInline,)
    reasoned_actions = (
        ReasonedAction(
            name="retry",
            title="Try the transfer again",
            permission="custody.retry_custodyrecord",
            run=_retry,
            refusal=_has_failed,
            preview=lambda row: [
                f"It failed at the custodian with nothing moved: {row.reason}",
                f"{row.quantity} shares are asked for in a new transaction under a new id; the old id stays burned.",
            ],
        ),
    )


@admin.register(VendorMessage)
class VendorMessageAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "event_type", "external_tx_id", "provider_id")
    search_fields = ("=external_tx_id", "=provider_id", "=event_id")
