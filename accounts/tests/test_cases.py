"""What staff may do about a case, and what the database refuses whoever asks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from accounts.audit_cases import INVARIANTS
from accounts.caseload import open_cases, overdue_cases
from accounts.errors import CaseRefused, ReasonHasTaxId, RuleInvalid
from accounts.models import AuditEntry, Case, CaseEvent, Hold, MonitoringRule, User
from accounts.panels import CASES
from accounts.rule_parameters import parse
from accounts.services import (
    add_rule,
    assign_case,
    change_rule,
    close_case,
    escalate_case,
    note_case,
    open_case,
    set_login,
)
from agora.lib.invariants import check
from agora.lib.panels import BAD
from agora.tests.rows import new_person
from agora.tests.staff import console_of, new_staff
from agora.tests.tables import unchanged

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def _staff(name: str) -> User:
    return set_login(username=name, password="correct horse", is_superuser=True)


def _case(severity: str = "MEDIUM", *, places_hold: bool = False, code: str = "rule", who: str = "buyer") -> Case:
    rule = MonitoringRule.objects.filter(code=code).first() or add_rule(
        code=code,
        kind="VELOCITY",
        severity=severity,
        parameters={"hours": 24, "orders": 2},
        places_hold=places_hold,
        actor="test",
        reason="a test",
        now=NOON,
    )
    user = User.objects.filter(username=who).first()
    customer = user.customer if user else new_person(who, wallet="").customer
    case = open_case(rule_id=rule.pk, customer_id=customer.pk, window_on=date(2026, 11, 20), evidence={}, now=NOON)
    assert case is not None
    return case


def _acts(case: Case) -> list[tuple[str, str, str]]:
    return [(e.data["act"], e.to_status, e.actor) for e in CaseEvent.objects.filter(case=case).order_by("sequence")]


def test_a_case_from_opening_to_its_end() -> None:
    ana, bob = _staff("ana"), _staff("bob")
    case = _case()

    assign_case(case=case, assignee=ana, actor=bob, reason="hers this week", now=NOON)
    note_case(case=case, actor=ana, reason="asked the customer", now=NOON)
    escalate_case(case=case, to=bob, actor=ana, reason="not sure", now=NOON)
    close_case(case=case, outcome="REPORTED", actor=bob, reason="reported today", now=NOON + timedelta(hours=3))

    assert _acts(case) == [
        ("OPENED", "OPEN", "rule:rule"),
        ("ASSIGNED", "ASSIGNED", f"staff:{bob.pk}"),
        ("NOTE", "ASSIGNED", f"staff:{ana.pk}"),
        ("ESCALATED", "ESCALATED", f"staff:{ana.pk}"),
        ("CLOSED", "CLOSED", f"staff:{bob.pk}"),
    ]
    assert (case.status, case.outcome, case.closed_by) == ("CLOSED", "REPORTED", bob)
    assert (case.first_assignee, case.escalated_by) == (ana, ana)


def test_only_its_assignee_closes_a_case() -> None:
    ana, bob = _staff("ana"), _staff("bob")
    case = _case()
    with unchanged(), pytest.raises(CaseRefused):
        close_case(case=case, outcome="NO_ISSUE", actor=ana, reason="quick", now=NOON)
    assign_case(case=case, assignee=ana, actor=ana, reason="mine", now=NOON)
    with unchanged(), pytest.raises(CaseRefused):
        close_case(case=case, outcome="NO_ISSUE", actor=bob, reason="quick", now=NOON)

    close_case(case=case, outcome="NO_ISSUE", actor=ana, reason="a salary day", now=NOON)
    assert case.outcome == "NO_ISSUE"


def test_a_closed_case_stays_closed() -> None:
    ana, bob = _staff("ana"), _staff("bob")
    case = _case()
    assign_case(case=case, assignee=ana, actor=ana, reason="mine", now=NOON)
    close_case(case=case, outcome="ACCOUNT_ACTION", actor=ana, reason="held", now=NOON)

    with unchanged():
        for act, more in ((assign_case, {"assignee": ana}), (note_case, {}), (escalate_case, {"to": bob})):
            with pytest.raises(CaseRefused):
                act(case=case, actor=ana, reason="again", now=NOON, **more)
        window = {"rule_id": case.rule_id, "customer_id": case.customer_id, "window_on": case.window_on}
        assert open_case(**window, evidence={}, now=NOON) is None
        with pytest.raises(DatabaseError, match="closed_for_good"):
            _execute("UPDATE accounts_case SET outcome = 'NO_ISSUE'")


def test_a_grave_one_is_nothing_only_for_two_people() -> None:
    ana, bob, eve = _staff("ana"), _staff("bob"), _staff("eve")
    case = _case("HIGH")
    assert case.due_at == NOON + timedelta(hours=24)
    assign_case(case=case, assignee=eve, actor=ana, reason="a straw", now=NOON)
    assign_case(case=case, assignee=ana, actor=ana, reason="mine after all", now=NOON)
    with unchanged(), pytest.raises(CaseRefused, match="second person"):
        close_case(case=case, outcome="NO_ISSUE", actor=ana, reason="nothing", now=NOON)
    with unchanged(), pytest.raises(CaseRefused, match="somebody else"):
        escalate_case(case=case, to=ana, actor=ana, reason="to myself", now=NOON)

    escalate_case(case=case, to=bob, actor=ana, reason="looks like a salary", now=NOON)
    assign_case(case=case, assignee=ana, actor=bob, reason="back to you", now=NOON)
    with unchanged(), pytest.raises(CaseRefused, match="second person"):
        close_case(case=case, outcome="NO_ISSUE", actor=ana, reason="nothing", now=NOON)
    assign_case(case=case, assignee=bob, actor=bob, reason="mine", now=NOON)
    close_case(case=case, outcome="NO_ISSUE", actor=bob, reason="a salary it is", now=NOON)
    assert case.closed_by == bob


def test_a_grave_one_can_be_reported_by_one() -> None:
    ana = _staff("ana")
    case = _case("HIGH")
    assign_case(case=case, assignee=ana, actor=ana, reason="mine", now=NOON)
    close_case(case=case, outcome="REPORTED", actor=ana, reason="at once", now=NOON)

    assert case.outcome == "REPORTED"


CLOSE = "UPDATE accounts_case SET status = 'CLOSED', closed_at = now(), "
BOB = "(SELECT id FROM accounts_user WHERE username = 'bob')"
REFUSED = {
    "alone": (CLOSE + "outcome = 'NO_ISSUE', closed_by_id = assignee_id", "case_grave_closed_by_two"),
    "by who escalated it": (
        CLOSE + "outcome = 'NO_ISSUE', closed_by_id = assignee_id, escalated_by_id = assignee_id",
        "case_grave_closed_by_two",
    ),
    "by who had it first": (
        CLOSE + f"outcome = 'NO_ISSUE', closed_by_id = assignee_id, escalated_by_id = {BOB}",
        "case_grave_closed_by_two",
    ),
    "by a stranger": (CLOSE + f"outcome = 'REPORTED', closed_by_id = {BOB}", "case_closed_by_its_assignee"),
    "without an outcome": (CLOSE + "closed_by_id = assignee_id", "case_closed_by_its_assignee"),
    "without its event": (CLOSE + "outcome = 'REPORTED', closed_by_id = assignee_id", "not its last event's"),
    "another first hand": (f"UPDATE accounts_case SET first_assignee_id = {BOB}", "first_hands_are_fixed"),
    "more time": ("UPDATE accounts_case SET due_at = due_at + interval '1 day'", "finding_is_fixed"),
    "less grave": ("UPDATE accounts_case SET severity = 'LOW'", "finding_is_fixed"),
    "less evidence": ("UPDATE accounts_case SET evidence = '[]'", "finding_is_fixed"),
    "back to the start": ("UPDATE accounts_case SET status = 'OPEN'", "legal_moves"),
    "another reason": ("UPDATE accounts_caseevent SET reason = 'another'", "append_only"),
    "no trace": ("DELETE FROM accounts_caseevent", "append_only"),
    "no case": ("DELETE FROM accounts_case", "never_deleted"),
}


@pytest.mark.parametrize(("sql", "by"), REFUSED.values(), ids=REFUSED)
def test_the_database_refuses(sql: str, by: str) -> None:
    ana, _ = _staff("ana"), _staff("bob")
    case = _case("HIGH")
    assign_case(case=case, assignee=ana, actor=ana, reason="mine", now=NOON)

    with unchanged():
        with pytest.raises(DatabaseError) as refusal:
            _execute(sql)
        assert by in str(refusal.value)


@transaction.atomic
def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_hold_ends_with_the_last_case_that_was_nothing() -> None:
    ana = _staff("ana")
    cases = [_case(places_hold=True, code=code) for code in ("one", "two")]
    for case in cases:
        assign_case(case=case, assignee=ana, actor=ana, reason="mine", now=NOON)
    assert Hold.objects.get().owner == "monitoring"

    close_case(case=cases[0], outcome="NO_ISSUE", actor=ana, reason="nothing", now=NOON)
    assert Hold.objects.get().released_at is None
    close_case(case=cases[1], outcome="NO_ISSUE", actor=ana, reason="nothing", now=NOON)
    assert Hold.objects.get().released_by == f"staff:{ana.pk}"


def test_a_hold_outlasts_a_case_that_was_something() -> None:
    ana = _staff("ana")
    cases = [_case(places_hold=True, code=code) for code in ("one", "two")]
    for case, outcome in zip(cases, ("REPORTED", "NO_ISSUE"), strict=True):
        assign_case(case=case, assignee=ana, actor=ana, reason="mine", now=NOON)
        close_case(case=case, outcome=outcome, actor=ana, reason="seen", now=NOON)

    assert Hold.objects.get().released_at is None


def test_the_clock_of_the_open_ones() -> None:
    ana = _staff("ana")
    grave, slow, done = _case("HIGH", code="a"), _case("LOW", code="b"), _case(code="c")
    assign_case(case=done, assignee=ana, actor=ana, reason="mine", now=NOON)
    close_case(case=done, outcome="REPORTED", actor=ana, reason="done", now=NOON)

    at_its_end = open_cases(now=NOON + timedelta(hours=24))
    assert [(one.case_id, one.is_overdue, one.age) for one in at_its_end] == [
        (grave.pk, False, timedelta(hours=24)),
        (slow.pk, False, timedelta(hours=24)),
    ]
    late = overdue_cases(now=NOON + timedelta(hours=24, microseconds=1))
    assert [(one.case_id, one.rule, one.severity, one.assignee) for one in late] == [(grave.pk, "a v1", "HIGH", "")]


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("VELOCITY", {"hours": 24}),
        ("VELOCITY", {"hours": 24, "orders": 2, "usd": "1"}),
        ("VELOCITY", {"hours": 24, "orders": 1}),
        ("VELOCITY", {"hours": 24, "orders": True}),
        ("VELOCITY", {"hours": 24.5, "orders": 2}),
        ("VELOCITY", {"hours": 24, "usd": 5000}),
        ("VELOCITY", {"hours": 24, "usd": "NaN"}),
        ("VELOCITY", {"hours": 24, "usd": "-1"}),
        ("VELOCITY", {"hours": 24, "orders": 2, "days": 1}),
        ("STRUCTURING", {"days": 1, "orders": 2}),
        ("STRUCTURING", {"days": 1, "orders": 2, "percent": "51"}),
        ("MANY_WALLETS", {"days": 1, "customers": 2}),
        ("MANY_WALLETS", {"days": 1, "customers": 2, "shared": "name"}),
        ("MANY_WALLETS", {"days": 0, "wallets": 2}),
        ("SOMETHING", {}),
    ],
)
def test_parameters_are_read_strictly(kind: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(RuleInvalid):
        parse(kind=kind, parameters=parameters)


def test_a_rule_is_changed_only_as_it_was_seen_and_with_a_reason() -> None:
    rule = _case().rule
    ours = {"code": rule.code, "severity": "LOW", "parameters": rule.parameters, "is_active": True, "actor": "staff:1"}
    more = {"places_hold": False, "now": NOON + timedelta(hours=1)}

    with unchanged(), pytest.raises(RuleInvalid, match="Look again"):
        change_rule(seen_version=2, reason="tuned", **ours, **more)
    with unchanged(), pytest.raises(RuleInvalid, match="why"):
        change_rule(seen_version=1, reason=" ", **ours, **more)


def test_register_rules_adds_the_default_rules_once_and_leaves_changed_ones() -> None:
    call_command("register_rules", stdout=StringIO())
    rule = MonitoringRule.objects.get(code="velocity-usd")
    change_rule(
        code=rule.code,
        seen_version=1,
        severity="HIGH",
        parameters={"hours": 24, "usd": "900"},
        is_active=True,
        places_hold=True,
        actor="staff:1",
        reason="tuned",
        now=rule.created_at + timedelta(seconds=1),
    )

    said = StringIO()
    call_command("register_rules", stdout=said)
    assert "0 monitoring rules added" in said.getvalue()
    assert MonitoringRule.objects.count() == 7


def test_staff_work_on_cases_in_the_console() -> None:
    new_staff("ana")
    new_staff("bob")
    ana, bob = _staff("ana"), _staff("bob")
    case = _case()
    client = console_of(ana)

    def act(action: str, **fields: Any) -> None:
        case.refresh_from_db()
        data = {"seen": case.version, "reason": "because", **fields}
        answer = client.post(f"/admin/accounts/case/{case.pk}/act/{action}/", data)
        assert answer.status_code == 302, answer.content

    act("assign", assignee=ana.pk)
    act("note")
    act("escalate", to=bob.pk)
    page = client.get(f"/admin/accounts/case/{case.pk}/change/").content.decode()
    assert ("act/note/" in page, "act/close/" in page) == (True, False)  # it is bob's now
    client = console_of(bob)
    act("close", outcome="NO_ISSUE")
    assert [name for name, _, _ in _acts(case)] == ["OPENED", "ASSIGNED", "NOTE", "ESCALATED", "CLOSED"]
    written = AuditEntry.objects.filter(subject=f"case:{case.pk}").order_by("at", "pk")
    assert [entry.action for entry in written] == ["case.assign", "case.note", "case.escalate", "case.close"]
    assert client.get("/admin/accounts/case/?clock=overdue").status_code == 200

    rule = f"/admin/accounts/monitoringrule/{case.rule_id}/act/change/"
    typed = {"seen": 1, "reason": "tuned", "parameters": '{"hours": 1, "orders": 5}', "severity": "LOW"}
    assert client.post(rule, {**typed, "parameters": '{"hours": 1}'}).status_code == 422
    assert client.post(rule, typed).status_code == 302
    made = MonitoringRule.objects.get(version=2)
    assert (made.parameters, made.is_active) == ({"hours": 1, "orders": 5}, False)


def test_a_reason_with_a_tax_id_is_refused() -> None:
    ana = _staff("ana")
    case = _case()
    with unchanged(), pytest.raises(ReasonHasTaxId):
        assign_case(case=case, assignee=ana, actor=ana, reason="it is 529.982.247-25", now=NOON)


def test_the_home_page_says_which_cases_wait() -> None:
    case = _case("HIGH")

    facts = CASES.build(now=NOON + timedelta(hours=25)).facts
    assert [(fact.label, fact.level, fact.since) for fact in facts] == [("HIGH · rule v1 · nobody", BAD, NOON)]
    assert str(case.pk) in facts[0].url


def test_what_was_done_by_our_services_passes_the_audit() -> None:
    test_a_case_from_opening_to_its_end()
    _case("HIGH", code="held", places_hold=True)

    assert [verdict for verdict in map(check, INVARIANTS) if not verdict.holds] == []
