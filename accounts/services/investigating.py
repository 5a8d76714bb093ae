"""What staff do about a case: take it, write down what they find, hand it to a second person, close it for good."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts.errors import CaseRefused
from accounts.models import Case, User
from accounts.services.auditing import record_audit
from accounts.services.monitoring import OWNER
from accounts.services.people import release_hold
from accounts.states import CaseAct, CaseOutcome, Severity
from accounts.states import CaseStatus as S
from agora.lib import transitions
from agora.lib.db import serializable


@serializable
def assign_case(*, case: Case, assignee: User, actor: User, reason: str, now: datetime) -> None:
    """Make it somebody's; an escalated one stays escalated. Raises CaseRefused."""
    row = _open(case, reason)
    _check_staff(assignee)
    row.assignee = assignee
    row.first_assignee = row.first_assignee or assignee
    to = S.ESCALATED if row.status == S.ESCALATED else S.ASSIGNED
    _move(row, to, CaseAct.ASSIGNED, actor, reason, now, "assignee", "first_assignee", assignee=assignee.pk)
    case.refresh_from_db()


@serializable
def note_case(*, case: Case, actor: User, reason: str, now: datetime) -> None:
    """Write down what was found. Raises CaseRefused."""
    row = _open(case, reason)
    _move(row, S(row.status), CaseAct.NOTE, actor, reason, now)
    case.refresh_from_db()


@serializable
def escalate_case(*, case: Case, to: User, actor: User, reason: str, now: datetime) -> None:
    """Hand it to a second person, once. Raises CaseRefused."""
    row = _open(case, reason)
    _check_staff(to)
    if row.status == S.ESCALATED:
        raise CaseRefused("It is escalated already. Assign it to somebody else instead.")
    if to == actor:
        raise CaseRefused("Escalate it to somebody else.")
    row.assignee, row.escalated_by = to, actor
    row.first_assignee = row.first_assignee or actor
    fields = ("assignee", "escalated_by", "first_assignee")
    _move(row, S.ESCALATED, CaseAct.ESCALATED, actor, reason, now, *fields, assignee=to.pk)
    case.refresh_from_db()


@serializable
def close_case(*, case: Case, outcome: str, actor: User, reason: str, now: datetime) -> None:
    """Close it for good, by its assignee. Where there was nothing, the hold of monitoring ends with the last open case
    that has one; after the other outcomes it stays until staff release it. Raises CaseRefused.
    """
    row = _open(case, reason)
    if row.status == S.OPEN or row.assignee_id != actor.pk:
        raise CaseRefused("Only whom it is assigned to can close it.")
    is_grave = row.severity == Severity.HIGH and outcome == CaseOutcome.NO_ISSUE
    if is_grave and (row.escalated_by is None or actor.pk in (row.escalated_by_id, row.first_assignee_id)):
        raise CaseRefused("That this is nothing takes a second person: escalate it to somebody else, who closes it.")
    row.outcome, row.closed_by, row.closed_at = CaseOutcome(outcome), actor, now
    fields = ("outcome", "closed_by", "closed_at")
    _move(row, S.CLOSED, CaseAct.CLOSED, actor, reason, now, *fields, outcome=str(outcome))
    if outcome == CaseOutcome.NO_ISSUE and row.rule.places_hold and not _others_hold(row):
        release_hold(subject=f"customer:{row.customer_id}", owner=OWNER, actor=f"staff:{actor.pk}", now=now)
    case.refresh_from_db()


def _open(case: Case, reason: str) -> Case:
    row = Case.objects.select_for_update(of=("self",)).select_related("rule").get(pk=case.pk)
    if row.status == S.CLOSED:
        raise CaseRefused("It is closed, for good. What comes later is another case.")
    if not reason.strip():
        raise CaseRefused("Say why: it is kept with the case.")
    return row


def _check_staff(user: User) -> None:
    if not (user.is_active and user.is_staff):
        raise CaseRefused("Only staff can look into it.")


def _others_hold(row: Case) -> bool:
    """Another case of theirs that asked for a hold is open, or ended with more than nothing."""
    others = Case.objects.filter(customer_id=row.customer_id, rule__places_hold=True).exclude(pk=row.pk)
    return others.exclude(outcome=CaseOutcome.NO_ISSUE).exists()


def _move(row: Case, to: S, act: CaseAct, actor: User, reason: str, now: datetime, *fields: str, **data: Any) -> None:
    """Write the event, and the audit log's entry. Raises ReasonHasTaxId."""
    who, before = f"staff:{actor.pk}", str(row.status)
    transitions.apply(row, to=to, actor=who, reason=reason, data={"act": act, **data}, now=now, fields=fields)
    record_audit(
        actor=who,
        action=f"case.{_VERBS[act]}",
        subject=f"case:{row.pk}",
        before={"status": before},
        after={"status": str(to), **{name: str(value) for name, value in data.items()}},
        reason=reason,
        now=now,
    )


_VERBS = {
    CaseAct.ASSIGNED: "assign",
    CaseAct.NOTE: "note",
    CaseAct.ESCALATED: "escalate",
    CaseAct.CLOSED: "close",
}
