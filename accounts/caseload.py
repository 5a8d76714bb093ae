"""Reads about monitoring: the rules in force, and the cases that wait for somebody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Window
from django.db.models.functions import Lead

from accounts.models import Case, MonitoringRule
from accounts.states import CaseStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInForce:
    """One version of a rule, and when it was the one to judge by."""

    rule_id: int
    code: str
    version: int
    kind: str
    parameters: dict[str, object]
    since: datetime
    until: datetime | None  # when its next version came


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCase:
    case_id: UUID
    customer_id: UUID
    rule: str  # code and version
    severity: str
    status: str
    assignee: str  # username, "" while it is nobody's
    opened_at: datetime
    age: timedelta
    due_at: datetime
    is_overdue: bool


def rules_in_force(*, after: datetime) -> list[RuleInForce]:
    """Every active version that was in force at any time after that: what came then is judged by it."""
    rows = MonitoringRule.objects.annotate(
        until=Window(Lead("created_at"), partition_by=F("code"), order_by=F("version").asc())
    ).order_by("code", "version")
    return [
        RuleInForce(
            rule_id=row.pk,
            code=row.code,
            version=row.version,
            kind=row.kind,
            parameters=row.parameters,
            since=row.created_at,
            until=row.until,
        )
        for row in rows
        if row.is_active and (row.until is None or row.until > after)
    ]


def open_cases(*, now: datetime) -> list[OpenCase]:
    """Every case that is not closed, the one due first at the top."""
    rows = Case.objects.exclude(status=CaseStatus.CLOSED).select_related("rule", "assignee")
    return [
        OpenCase(
            case_id=row.pk,
            customer_id=row.customer_id,
            rule=str(row.rule),
            severity=row.severity,
            status=row.status,
            assignee=row.assignee.get_username() if row.assignee else "",
            opened_at=row.created_at,
            age=now - row.created_at,
            due_at=row.due_at,
            is_overdue=row.due_at < now,
        )
        for row in rows.order_by("due_at", "pk")
    ]


def overdue_cases(*, now: datetime) -> list[OpenCase]:
    return [case for case in open_cases(now=now) if case.is_overdue]
