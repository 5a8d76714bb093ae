"""The console's view of customers who leave, and of the copies they took."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts import services
from accounts.forms import ReasonForm, RefuseForm
from accounts.models import DataExport, DeletionEvent, DeletionRequest
from agora.lib.admin import ReadOnlyAdmin, ReadOnlyInline
from agora.lib.errors import AgoraError


class DeletionEventInline(ReadOnlyInline):
    model = DeletionEvent


@admin.register(DeletionRequest)
class DeletionRequestAdmin(ReadOnlyAdmin):
    list_display = ("customer", "status", "created_at", "updated_at", "erase_after")
    list_filter = ("status",)
    search_fields = ("=customer__id",)
    inlines = (DeletionEventInline,)
    actions = ("complete", "refuse")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_deletionrequest")

    @admin.action(description="Close the account for good", permissions=["decide"])
    def complete(self, request: HttpRequest, queryset: QuerySet[DeletionRequest]) -> HttpResponse | None:
        return self._decide(request, queryset, "complete", ReasonForm, services.complete_deletion)

    @admin.action(description="Refuse, with a sentence for the customer", permissions=["decide"])
    def refuse(self, request: HttpRequest, queryset: QuerySet[DeletionRequest]) -> HttpResponse | None:
        return self._decide(request, queryset, "refuse", RefuseForm, services.refuse_deletion)

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[DeletionRequest],
        action: str,
        form_class: type[Form],
        service: Callable[..., Any],
    ) -> HttpResponse | None:
        form = form_class(request.POST if "confirm" in request.POST else None)
        if not form.is_valid():
            context: dict[str, Any] = {
                **self.admin_site.each_context(request),
                "title": f"{action.capitalize()} deletion requests",
                "action": action,
                "form": form,
                "requests": queryset,
                "checkbox": ACTION_CHECKBOX_NAME,
                "opts": self.opts,
            }
            return TemplateResponse(request, "admin/accounts/decide_deletion.html", context)
        for row in queryset:
            try:
                service(request=row, actor=f"staff:{request.user.pk}", now=timezone.now(), **form.cleaned_data)
                self.message_user(request, f"{row}: {row.status}.", messages.SUCCESS)
            except AgoraError as refusal:
                self.message_user(request, f"{row}: {refusal.detail}", messages.ERROR)
        return None


@admin.register(DataExport)
class DataExportAdmin(ReadOnlyAdmin):
    list_display = ("customer", "actor", "at", "size_bytes", "sha256")
    search_fields = ("=customer__id", "=sha256")
