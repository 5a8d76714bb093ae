from __future__ import annotations

from typing import Any

from django.contrib import admin

from accounts.services import propose
from agora.lib.admin import Act, ReadOnlyAdmin, ReadOnlyInline, ReasonedAction, ReasonedAdmin
from custody import services
from custody.models import CustodyEvent, CustodyRecord, VaultAccount, VendorMessage
from orders.forms import ClosingForm, closing_preview
from orders.selectors import is_closed


class EventInline(ReadOnlyInline):
    model = CustodyEvent


@admin.register(VaultAccount)
class VaultAccountAdmin(ReadOnlyAdmin):
    list_display = ("name", "asset", "custodian", "vendor_id", "held_quantity")


def _retry(row: CustodyRecord, act: Act) -> None:
    services.retry_custody(record_id=row.pk, actor=act.actor, reason=act.reason, now=act.now)


def _has_failed(row: CustodyRecord, user: Any) -> str:
    if row.status != "FAILED":
        return f"This record is {row.status}."
    return "The order was closed for good." if is_closed(order_id=row.order_id) else ""


def _was_told(row: CustodyRecord, user: Any) -> str:
    if row.status not in ("PENDING", "SUBMITTED"):
        return f"This record is {row.status}."
    return "" if row.called_at else "The custodian has not been told of it yet."


def _look_up(row: CustodyRecord, act: Act) -> None:
    services.look_up_custody(record_id=row.pk, actor=act.actor, reason=act.reason, now=act.now)


def _propose_close(row: CustodyRecord, act: Act, *, resolution: str, reference: str) -> None:
    propose(
        action="custody.close",
        subject=f"custody:{row.pk}",
        payload={"external_tx_id": row.external_tx_id, "resolution": resolution, "reference": reference},
        proposer=act.user,
        reason=act.reason,
        now=act.now,
    )


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
        ReasonedAction(
            name="look-up",
            title="Look it up at the custodian now",
            permission="custody.look_up_custodyrecord",
            run=_look_up,
            refusal=_was_told,
            preview=lambda row: [
                f"A worker asks the custodian for {row.external_tx_id}, now instead of at its next turn.",
                "If it never got it and the time of grace is over, it is told again under the same id: once there.",
            ],
        ),
        ReasonedAction(
            name="propose-close",
            title="Propose to close the order",
            permission="custody.close_custodyrecord",
            run=_propose_close,
            form=ClosingForm,
            refusal=_has_failed,
            is_dangerous=True,
            preview=closing_preview,
        ),
    )


@admin.register(VendorMessage)
class VendorMessageAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "event_type", "external_tx_id", "provider_id")
    search_fields = ("=external_tx_id", "=provider_id", "=event_id")
