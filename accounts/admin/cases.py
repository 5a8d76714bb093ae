"""The console's view of monitoring: rules, each change a new version, and cases with what staff may do about them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import services
from accounts.forms import AssignCaseForm, ChangeRuleForm, CloseCaseForm, EscalateCaseForm
from accounts.models import Case, CaseEvent, MonitoringRule, User
from accounts.states import CaseStatus
from agora.lib.admin import Act, ReadOnlyInline, ReasonedAction, ReasonedAdmin

INVESTIGATE = "accounts.investigate_case"


def _is_closed(row: Case, user: Any) -> str:
    return "It is closed, for good." if row.status == CaseStatus.CLOSED else ""


def _may_escalate(row: Case, user: Any) -> str:
    return _is_closed(row, user) or ("It is escalated already." if row.status == CaseStatus.ESCALATED else "")


def _may_close(row: Case, user: Any) -> str:
    return _is_closed(row, user) or ("" if row.assignee_id == user.pk else "Only its assignee can close it.")


def _assign(row: Case, act: Act, *, assignee: User) -> None:
    services.assign_case(case=row, assignee=assignee, actor=act.user, reason=act.reason, now=act.now)


def _note(row: Case, act: Act) -> None:
    services.note_case(case=row, actor=act.user, reason=act.reason, now=act.now)


def _escalate(row: Case, act: Act, *, to: User) -> None:
    services.escalate_case(case=row, to=to, actor=act.user, reason=act.reason, now=act.now)


def _close(row: Case, act: Act, *, outcome: str) -> None:
    services.close_case(case=row, outcome=outcome, actor=act.user, reason=act.reason, now=act.now)


def _change(row: MonitoringRule, act: Act, **fields: Any) -> None:
    services.change_rule(
        code=row.code, seen_version=row.version, actor=act.actor, reason=act.reason, now=act.now, **fields
    )


def _clock(row: Case) -> str:
    return f"{row.severity}, due {row.due_at:%Y-%m-%d %H:%M} UTC. The clock goes on."


CASE_ACTIONS = (
    ReasonedAction(
        name="assign",
        title="Assign",
        permission=INVESTIGATE,
        run=_assign,
        form=AssignCaseForm,
        refusal=_is_closed,
        preview=lambda row: [_clock(row)],
    ),
    ReasonedAction(
        name="note",
        title="Add a note",
        permission=INVESTIGATE,
        run=_note,
        refusal=_is_closed,
        preview=lambda row: ["Kept with the case, for good."],
    ),
    ReasonedAction(
        name="escalate",
        title="Escalate to a second person",
        permission=INVESTIGATE,
        run=_escalate,
        form=EscalateCaseForm,
        refusal=_may_escalate,
        preview=lambda row: [_clock(row), "A HIGH case that is nothing is closed by somebody else than you."],
    ),
    ReasonedAction(
        name="close",
        title="Close for good",
        permission=INVESTIGATE,
        run=_close,
        form=CloseCaseForm,
        refusal=_may_close,
        preview=lambda row: [
            "REPORTED records that people reported it; nothing is sent.",
            "Monitoring's hold on the customer ends with the last case that was nothing; else it stays.",
        ],
    ),
)


class ClockFilter(admin.SimpleListFilter):
    title = "clock"
    parameter_name = "clock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Not closed"), ("overdue", "Overdue")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        if self.value() is None:
            return queryset
        waiting = queryset.exclude(status=CaseStatus.CLOSED)
        return waiting.filter(due_at__lt=timezone.now()) if self.value() == "overdue" else waiting


class CaseEventInline(ReadOnlyInline):
    model = CaseEvent
    fields = ("sequence", "act", "from_status", "to_status", "actor", "reason", "at")
    readonly_fields = ("act",)

    def act(self, event: CaseEvent) -> str:
        return str(event.data.get("act", ""))


@admin.register(Case)
class CaseAdmin(ReasonedAdmin):
    list_display = ("id", "rule", "customer", "severity", "status", "assignee", "created_at", "due_at", "outcome")
    list_filter = (ClockFilter, "status", "severity", "rule__code")
    list_select_related = ("rule", "assignee")
    search_fields = ("=id", "=customer__id")
    ordering = ("due_at",)
    inlines = (CaseEventInline,)
    reasoned_actions = CASE_ACTIONS


def _is_old(row: MonitoringRule, user: Any) -> str:
    newer = MonitoringRule.objects.filter(code=row.code, version__gt=row.version)
    return "There is a newer version. Change that one." if newer.exists() else ""


@admin.register(MonitoringRule)
class MonitoringRuleAdmin(ReasonedAdmin):
    list_display = ("code", "version", "kind", "parameters", "severity", "is_active", "places_hold", "created_at")
    list_filter = ("code", "kind")
    ordering = ("code", "-version")
    reasoned_actions = (
        ReasonedAction(
            name="change",
            title="Make the next version",
            permission="accounts.tune_monitoringrule",
            run=_change,
            form=ChangeRuleForm,
            refusal=_is_old,
            preview=lambda row: [
                f"Now: {row.parameters}, {row.severity}, active: {row.is_active}, places a hold: {row.places_hold}.",
                "The next version judges what comes from now on.",
            ],
            is_dangerous=True,
        ),
    )
