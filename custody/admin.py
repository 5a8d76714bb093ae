from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from agora.lib.admin import ReadOnlyAdmin, ReadOnlyInline
from agora.lib.errors import AgoraError
from custody import services
from custody.forms import RetryForm
from custody.models import CustodyEvent, CustodyRecord, VaultAccount, VendorMessage


class EventInline(ReadOnlyInline):
    model = CustodyEvent


@admin.register(VaultAccount)
class VaultAccountAdmin(ReadOnlyAdmin):
    list_display = ("name", "asset", "custodian", "vendor_id", "held_quantity")


@admin.register(CustodyRecord)
class CustodyRecordAdmin(ReadOnlyAdmin):
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
    actions = ("try_again",)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("custody.change_custodyrecord")

    @admin.action(description="Try a failed transfer again", permissions=["retry"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[CustodyRecord]) -> HttpResponse | None:
        """Ask for a reason, then call the service once a record."""
        form = RetryForm(request.POST if "confirm" in request.POST else None)
        if not form.is_valid():
            context: dict[str, Any] = {
                **self.admin_site.each_context(request),
                "title": "Try failed transfers again",
                "form": form,
                "records": queryset,
                "checkbox": ACTION_CHECKBOX_NAME,
                "opts": self.opts,
            }
            return TemplateResponse(request, "admin/custody/try_again.html", context)
        for record in queryset:
            try:
                services.retry_custody(
                    record_id=record.pk,
                    actor=f"staff:{request.user.pk}",
                    reason=form.cleaned_data["reason"],
                    now=timezone.now(),
                )
                self.message_user(request, f"{record}: trying again.", messages.SUCCESS)
            except AgoraError as refusal:
                self.message_user(request, f"{record}: {refusal.detail}", messages.ERROR)
        return None


@admin.register(VendorMessage)
class VendorMessageAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "event_type", "external_tx_id", "provider_id")
    search_fields = ("=external_tx_id", "=provider_id", "=event_id")
