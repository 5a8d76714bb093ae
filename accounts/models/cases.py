"""What monitoring looks for, and the cases it opened: what was found, who looked into it, and how that ended."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q

from accounts.models.people import Customer, User
from accounts.states import CASE_MOVES, CaseOutcome, CaseStatus, RuleKind, Severity
from agora.lib.statemachine import StateEvent, Stateful, append_only, event_triggers, state_triggers


class MonitoringRule(models.Model):
    """One version of a rule. Never changed: a change is the next version, and judges what comes from then on."""

    code = models.CharField(max_length=40)
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=RuleKind.choices)
    parameters = models.JSONField()  # accounts.rule_parameters says which
    severity = models.CharField(max_length=8, choices=Severity.choices)
    is_active = models.BooleanField(default=True)
    places_hold = models.BooleanField(default=False)  # on the customer, by "monitoring", with the case
    actor = models.CharField(max_length=64)
    reason = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["code", "version"], name="rule_once_a_version"),
            models.CheckConstraint(condition=Q(code__regex=r"^[a-z][a-z0-9-]*$"), name="rule_code_shape"),
            models.CheckConstraint(condition=Q(severity__in=Severity.values), name="rule_severity_known"),
            models.CheckConstraint(condition=~Q(reason=""), name="rule_has_reason"),
            models.CheckConstraint(
                condition=Q(kind="VELOCITY", parameters__has_key="hours")
                | Q(kind="STRUCTURING", parameters__has_keys=["orders", "percent", "days"])
                | Q(kind="MANY_WALLETS", parameters__has_key="days"),
                name="rule_parameters_of_its_kind",
            ),
        ]
        permissions: ClassVar = [("tune_monitoringrule", "Can make a rule's next version")]
        triggers: ClassVar = [
            *append_only(),
            pgtrigger.Trigger(
                name="next_version",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("last", "RECORD")],
                func=pgtrigger.Func("""
                    SELECT version, kind, created_at INTO last FROM {meta.db_table}
                    WHERE code = NEW.code ORDER BY version DESC LIMIT 1;
                    IF NEW.version <> coalesce(last.version, 0) + 1 OR last.kind <> NEW.kind
                        OR last.created_at >= NEW.created_at THEN
                        RAISE EXCEPTION 'agora: rule % version % does not follow its last version',
                            NEW.code, NEW.version;
                    END IF;
                    RETURN NEW;
                """),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"


class Case(Stateful):
    """A rule's hit, to be looked into by `due_at`. Evidence names rows by id, sums and times, and nothing else."""

    MOVES: ClassVar = CASE_MOVES

    rule = models.ForeignKey(MonitoringRule, on_delete=models.PROTECT, related_name="cases")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="cases")
    window_on = models.DateField()  # the day, where the customer lives, on which the pattern was complete
    severity = models.CharField(max_length=8, choices=Severity.choices)
    due_at = models.DateTimeField()
    evidence = models.JSONField()
    status = models.CharField(max_length=10, choices=CaseStatus.choices, default=CaseStatus.OPEN)
    assignee = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="cases")
    first_assignee = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    escalated_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=16, choices=CaseOutcome.choices, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rule", "customer", "window_on"], name="case_once_a_window"),
            models.CheckConstraint(condition=Q(status__in=CaseStatus.values), name="case_status_known"),
            models.CheckConstraint(condition=Q(severity__in=Severity.values), name="case_severity_known"),
            models.CheckConstraint(condition=Q(due_at__gt=F("created_at")), name="case_due_later"),
            models.CheckConstraint(
                condition=Q(status="OPEN", assignee=None, first_assignee=None)
                | (~Q(status="OPEN") & Q(assignee__isnull=False, first_assignee__isnull=False)),
                name="case_is_somebodys",
            ),
            models.CheckConstraint(
                condition=~Q(status="ESCALATED") | Q(escalated_by__isnull=False), name="case_escalated_by_somebody"
            ),
            models.CheckConstraint(
                condition=Q(status="CLOSED", outcome__in=CaseOutcome.values, closed_at__isnull=False)
                & Q(closed_by__isnull=False, closed_by=F("assignee"))
                | ~Q(status="CLOSED") & Q(outcome="", closed_at=None, closed_by=None),
                name="case_closed_by_its_assignee",
            ),
            # That a grave suspicion is nothing takes two: who had and escalated it, and who closes it.
            models.CheckConstraint(
                condition=~Q(severity="HIGH", outcome="NO_ISSUE")
                | Q(escalated_by__isnull=False) & ~Q(closed_by=F("escalated_by")) & ~Q(closed_by=F("first_assignee")),
                name="case_grave_closed_by_two",
            ),
        ]
        permissions: ClassVar = [("investigate_case", "Can assign, note, escalate and close")]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=~Q(status="CLOSED"), name="case_to_close"),
        ]
        triggers: ClassVar = [
            *state_triggers(
                moves=CASE_MOVES, initial=CaseStatus.OPEN, event_table="accounts_caseevent", subject_column="case_id"
            ),
            pgtrigger.ReadOnly(
                name="finding_is_fixed",
                fields=["rule", "customer", "window_on", "severity", "due_at", "evidence", "created_at"],
            ),
            pgtrigger.Protect(
                name="closed_for_good", operation=pgtrigger.Update, condition=pgtrigger.Q(old__status="CLOSED")
            ),
            pgtrigger.Protect(
                name="first_hands_are_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.first_assignee_id <> coalesce(NEW.first_assignee_id, 0)"
                    " OR OLD.escalated_by_id <> coalesce(NEW.escalated_by_id, 0)"
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"case {self.pk}"


class CaseEvent(StateEvent):
    """`data` has the `act` (states.CaseAct) and, where the act has one, the assignee's id or the outcome."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "sequence"], name="case_event_sequence"),
            models.CheckConstraint(
                condition=Q(data__act__in=["OPENED", "ASSIGNED", "NOTE", "ESCALATED", "CLOSED"]),
                name="case_event_act_known",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="case_event_has_reason"),
        ]
        triggers: ClassVar = event_triggers(subject_table="accounts_case", subject_column="case_id")
