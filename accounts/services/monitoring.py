"""Monitoring rules, each change a new version, and the cases that their hits open."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.errors import RuleInvalid
from accounts.models import Case, MonitoringRule
from accounts.rule_parameters import parse
from accounts.services.auditing import record_audit
from accounts.services.people import place_hold
from accounts.states import DUE_HOURS, CaseAct, RuleKind, Severity
from agora.lib import log, transitions
from agora.lib.db import serializable

logger = log.get(__name__)

OWNER = "monitoring"  # of the holds that cases place

# Rules as they are at the start; afterwards the rows are the rules. None of the figures is a law's.
DEFAULTS: list[tuple[str, RuleKind, Severity, dict[str, Any]]] = [
    ("velocity-orders", RuleKind.VELOCITY, Severity.LOW, {"hours": 24, "orders": 30}),
    ("velocity-usd", RuleKind.VELOCITY, Severity.MEDIUM, {"hours": 168, "usd": "5000"}),
    ("near-daily-limit", RuleKind.STRUCTURING, Severity.MEDIUM, {"days": 10, "orders": 5, "percent": "5"}),
    ("many-wallets", RuleKind.MANY_WALLETS, Severity.LOW, {"days": 30, "wallets": 4}),
    ("shared-recipient", RuleKind.MANY_WALLETS, Severity.HIGH, {"days": 30, "customers": 2, "shared": "recipient"}),
    ("shared-ip", RuleKind.MANY_WALLETS, Severity.LOW, {"days": 7, "customers": 10, "shared": "ip"}),
]


def register_monitoring_rules(*, now: datetime) -> int:
    """Add the default rules that are not there in any version; how many. What was changed since stays."""
    known = set(MonitoringRule.objects.values_list("code", flat=True))
    missing = [rule for rule in DEFAULTS if rule[0] not in known]
    for code, kind, severity, parameters in missing:
        add_rule(
            code=code,
            kind=kind,
            severity=severity,
            parameters=parameters,
            actor="system",
            reason="a default rule",
            now=now,
        )
    return len(missing)


def add_rule(
    *,
    code: str,
    kind: str,
    severity: str,
    parameters: dict[str, Any],
    actor: str,
    reason: str,
    now: datetime,
    places_hold: bool = False,
) -> MonitoringRule:
    """A new rule's first version. Raises RuleInvalid."""
    if MonitoringRule.objects.filter(code=code).exists():
        raise RuleInvalid("There is a rule of this code. Change that one.")
    return _write(
        code=code,
        version=1,
        kind=kind,
        severity=severity,
        parameters=parameters,
        is_active=True,
        places_hold=places_hold,
        actor=actor,
        reason=reason,
        created_at=now,
    )


@transaction.atomic
def change_rule(
    *,
    code: str,
    seen_version: int,
    severity: str,
    parameters: dict[str, Any],
    is_active: bool,
    places_hold: bool,
    actor: str,
    reason: str,
    now: datetime,
) -> MonitoringRule:
    """The rule's next version; the one it had judges nothing from `now` on. Raises RuleInvalid, too when somebody
    changed it since it was seen."""
    last = MonitoringRule.objects.select_for_update().filter(code=code).order_by("-version").first()
    if last is None or last.version != seen_version:
        raise RuleInvalid("The rule has changed since you looked. Look again, then decide.")
    made = _write(
        code=code,
        version=last.version + 1,
        kind=last.kind,
        severity=severity,
        parameters=parameters,
        is_active=is_active,
        places_hold=places_hold,
        actor=actor,
        reason=reason,
        created_at=now,
    )
    record_audit(
        actor=actor,
        action="rule.change",
        subject=f"rule:{code}",
        before=_as_texts(last),
        after=_as_texts(made),
        reason=reason,
        now=now,
    )
    return made


@serializable
def open_case(
    *, rule_id: int, customer_id: UUID, window_on: date, evidence: dict[str, Any], now: datetime
) -> Case | None:
    """A case for a rule's hit, with its clock and, if the rule says so, the customer's hold; None if there is one."""
    if Case.objects.filter(rule_id=rule_id, customer_id=customer_id, window_on=window_on).exists():
        return None
    rule = MonitoringRule.objects.get(pk=rule_id)
    case = Case(
        rule=rule,
        customer_id=customer_id,
        window_on=window_on,
        severity=rule.severity,
        due_at=now + timedelta(hours=DUE_HOURS[rule.severity]),
        evidence=evidence,
    )
    transitions.start(case, actor=f"rule:{rule.code}", reason=f"{rule} hit", data={"act": CaseAct.OPENED}, now=now)
    if rule.places_hold:
        why = f"monitoring rule {rule.code}: see case {case.pk}"
        place_hold(subject=f"customer:{customer_id}", owner=OWNER, reason=why, now=now)
    return case


def _as_texts(rule: MonitoringRule) -> dict[str, str]:
    facts = {
        "version": rule.version,
        "parameters": rule.parameters,
        "severity": rule.severity,
        "is_active": rule.is_active,
        "places_hold": rule.places_hold,
    }
    return {name: str(value) for name, value in facts.items()}


def _write(*, kind: str, parameters: dict[str, Any], reason: str, **fields: Any) -> MonitoringRule:
    parse(kind=kind, parameters=parameters)
    if not reason.strip():
        raise RuleInvalid("Say why: it is kept with the version.")
    rule = MonitoringRule.objects.create(kind=kind, parameters=parameters, reason=reason, **fields)
    logger.warning("monitoring rule", rule=str(rule), active=rule.is_active, actor=rule.actor, reason=reason)
    return rule
