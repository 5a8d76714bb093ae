"""The console's view of monitoring: rules, each change a new version, and cases with what staff may do about them."""

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
from accounts.forms import AssignCaseForm, CaseNoteForm, ChangeRuleForm, CloseCaseForm, EscalateCaseForm
from accounts.models import Case, CaseEvent, MonitoringRule
from agora.lib.admin import ReadOnlyAdmin, ReadOnlyInline
from agora.lib.errors import AgoraError


class OverdueFilter(admin.SimpleListFilter):
    title = "clock"
    parameter_name = "clock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Not closed"), ("overdue", "Overdue")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        if self.value() is None:
            return queryset
        waiting = queryset.exclude(status="CLOSED")
        return waiting.filter(due_at__lt=timezone.now()) if self.value() == "overdue" else waiting


class CaseEventInline(ReadOnlyInline):
    model = CaseEvent
    fields = ("sequence", "act", "from_status", "to_status", "actor", "reason", "at")
    readonly_fields = ("act",)

    def act(self, event: CaseEvent) -> str:
        return str(event.data.get("act", ""))


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    list_display = ("id", "rule", "customer", "severity", "status", "assignee", "created_at", "due_at", "outcome")
    list_filter = (OverdueFilter, "status", "severity", "rule__code")
    list_select_related = ("rule", "assignee")
    search_fields = ("=id", "=customer__id")
    ordering = ("due_at",)
    inlines = (CaseEventInline,)
    actions = ("assign", "note", "escalate", "close")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_case")

    @admin.action(description="Assign", permissions=["decide"])
    def assign(self, request: HttpRequest, queryset: QuerySet[Case]) -> HttpResponse | None:
        return self._decide(request, queryset, "assign", AssignCaseForm, services.assign_case)

    @admin.action(description="Add a note", permissions=["decide"])
    def note(self, request: HttpRequest, queryset: QuerySet[Case]) -> HttpResponse | None:
        return self._decide(request, queryset, "note", CaseNoteForm, services.note_case)

    @admin.action(description="Escalate to a second person", permissions=["decide"])
    def escalate(self, request: HttpRequest, queryset: QuerySet[Case]) -> HttpResponse | None:
        return self._decide(request, queryset, "escalate", EscalateCaseForm, services.escalate_case)

    @admin.action(description="Close for good", permissions=["decide"])
    def close(self, request: HttpRequest, queryset: QuerySet[Case]) -> HttpResponse | None:
        return self._decide(request, queryset, "close", CloseCaseForm, services.close_case)

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[Case],
        action: str,
        form_class: type[Form],
        service: Callable[..., None],
    ) -> HttpResponse | None:
        form = form_class(request.POST if "confirm" in request.POST else None)
        if not form.is_valid():
            return _ask(self, request, queryset, action, form)
        for case in queryset:
            try:
                service(case=case, actor=request.user, now=timezone.now(), **form.cleaned_data)
                self.message_user(request, f"{case}: {case.status}.", messages.SUCCESS)
            except AgoraError as refusal:
                self.message_user(request, f"{case}: {refusal.detail}", messages.ERROR)
        return None


@admin.register(MonitoringRule)
class MonitoringRuleAdmin(ReadOnlyAdmin):
    list_display = ("code", "version", "kind", "parameters", "severity", "is_active", "places_hold", "created_at")
    list_filter = ("code", "kind")
    ordering = ("code", "-version")
    actions = ("change_version",)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.add_monitoringrule")

    @admin.action(description="Make the next version of a rule's latest", permissions=["decide"])
    def change_version(self, request: HttpRequest, queryset: QuerySet[MonitoringRule]) -> HttpResponse | None:
        rule = queryset.first()
        if rule is None or queryset.count() != 1:
            self.message_user(request, "Choose one.", messages.ERROR)
            return None
        form = ChangeRuleForm(request.POST if "confirm" in request.POST else None, initial=_as_it_is(rule))
        if not form.is_valid():
            return _ask(self, request, queryset, "change_version", form)
        try:
            made = services.change_rule(
                code=rule.code,
                seen_version=rule.version,
                actor=f"staff:{request.user.pk}",
                now=timezone.now(),
                **form.cleaned_data,
            )
            self.message_user(request, f"{made} is in force.", messages.SUCCESS)
        except AgoraError as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
        return None


def _as_it_is(rule: MonitoringRule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in ("parameters", "severity", "is_active", "places_hold")}


def _ask(
    model_admin: ReadOnlyAdmin, request: HttpRequest, queryset: QuerySet[Any], action: str, form: Form
) -> TemplateResponse:
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "title": action.replace("_", " ").capitalize(),
        "action": action,
        "form": form,
        "rows": queryset,
        "checkbox": ACTION_CHECKBOX_NAME,
        "opts": model_admin.opts,
    }
    return TemplateResponse(request, "admin/accounts/decide_case.html", context)
