"""Monitoring rules hit exactly at their threshold, once, by the version that was in force."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from accounts.caseload import rules_in_force
from accounts.models import Case, Consent, Customer, Disclosure, Hold, LimitDay, MonitoringRule, Wallet
from accounts.services import add_rule, change_rule, publish_disclosures, release_hold, set_tier
from accounts.services.limiting import release_limit, reserve_limit
from accounts.standing import standing_of
from agora.lib.db import serializable
from agora.tests.rows import new_order, new_person
from agora.tests.world import WALLETS
from orders.models import Order
from orders.services import evaluate_rules

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)  # in São Paulo
LONG_AGO = NOON - timedelta(days=90)


@pytest.fixture
def ana() -> Customer:
    return _customer("ana")


def _customer(name: str, level: int = 1) -> Customer:
    customer = new_person(name, wallet="").customer
    set_tier(customer=customer, level=level)
    return customer


def _rule(kind: str, parameters: dict[str, Any], **more: Any) -> MonitoringRule:
    ours = {"code": "rule", "severity": "MEDIUM", "actor": "test", "reason": "a test", "now": LONG_AGO}
    return add_rule(kind=kind, parameters=parameters, **{**ours, **more})


def _change(rule: MonitoringRule, now: datetime, **changes: Any) -> MonitoringRule:
    ours = {name: getattr(rule, name) for name in ("severity", "parameters", "is_active", "places_hold")}
    return change_rule(
        code=rule.code, seen_version=rule.version, actor="staff:1", reason="tuned", now=now, **{**ours, **changes}
    )


@serializable
def _buy(customer: Customer, at: datetime, usd: str = "10", recipient: str = WALLETS[0]) -> Order:
    order = new_order(customer=customer, recipient=recipient)
    standing = standing_of(customer=customer, now=at)
    reserve_limit(standing=standing, customer=customer, order_id=order.pk, amount_usd=Decimal(usd), now=at)
    return order


def test_velocity_hits_at_its_number_of_orders_and_not_below(ana: Customer) -> None:
    rule = _rule("VELOCITY", {"hours": 2, "orders": 3})
    first = _buy(ana, NOON - timedelta(hours=2))
    second = _buy(ana, NOON - timedelta(hours=1))
    assert evaluate_rules(now=NOON) == 0

    third = _buy(ana, NOON)  # exactly two hours after the first: both ends count
    assert evaluate_rules(now=NOON) == 1

    case = Case.objects.get()
    assert (case.rule, case.customer, case.window_on, case.status) == (rule, ana, date(2026, 11, 20), "OPEN")
    assert case.due_at == NOON + timedelta(hours=72)
    assert case.evidence == {
        "measure": "orders",
        "measured": "3",
        "least": "3",
        "from": (NOON - timedelta(hours=2)).isoformat(),
        "to": NOON.isoformat(),
        "count": 3,
        "sum_usd": "30.00",
        "order_ids": [str(order.pk) for order in (first, second, third)],
        "customer_ids": [str(ana.pk)],
    }


def test_orders_a_moment_too_far_apart_are_no_hit(ana: Customer) -> None:
    _rule("VELOCITY", {"hours": 2, "orders": 2})
    _buy(ana, NOON - timedelta(hours=2, microseconds=1))
    _buy(ana, NOON)

    assert evaluate_rules(now=NOON) == 0


def test_velocity_of_money_hits_at_its_sum_and_counts_what_was_given_back(ana: Customer) -> None:
    _rule("VELOCITY", {"hours": 24, "usd": "100"})
    order = _buy(ana, NOON - timedelta(hours=1), usd="60")
    with transaction.atomic():
        release_limit(order_id=order.pk, now=NOON)
    _buy(ana, NOON - timedelta(minutes=1), usd="39.99")
    assert evaluate_rules(now=NOON) == 0

    _buy(ana, NOON, usd="0.01")
    assert evaluate_rules(now=NOON) == 1
    assert Case.objects.get().evidence["measured"] == "100.00"


def test_another_customers_orders_do_not_count(ana: Customer) -> None:
    _rule("VELOCITY", {"hours": 24, "orders": 2})
    _buy(ana, NOON)
    _buy(_customer("bob"), NOON)

    assert evaluate_rules(now=NOON) == 0


@pytest.mark.parametrize(("usd", "cases"), [("949.99", 0), ("950", 1), ("1000", 1)])
def test_structuring_looks_within_its_band_below_the_daily_limit(ana: Customer, usd: str, cases: int) -> None:
    _rule("STRUCTURING", {"days": 3, "orders": 3, "percent": "5"})
    for days in (2, 1):
        _buy(ana, NOON - timedelta(days=days), usd="960")
    _buy(ana, NOON, usd=usd)

    assert evaluate_rules(now=NOON) == cases


@pytest.mark.parametrize(("usd", "cases"), [("296.99", 0), ("297", 1), ("300", 1), ("300.01", 0)])
def test_structuring_looks_below_a_threshold_of_its_own(ana: Customer, usd: str, cases: int) -> None:
    _rule("STRUCTURING", {"days": 1, "orders": 2, "percent": "1", "threshold_usd": "300"})
    _buy(ana, NOON - timedelta(hours=1), usd="299")
    _buy(ana, NOON, usd=usd)

    assert evaluate_rules(now=NOON) == cases


def test_many_wallets_hits_at_its_number(ana: Customer) -> None:
    _rule("MANY_WALLETS", {"days": 30, "wallets": 2})
    Wallet.objects.create(customer=ana, address=WALLETS[0], created_at=NOON - timedelta(days=30))
    assert evaluate_rules(now=NOON) == 0

    late_evening = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)  # the 19th in São Paulo
    second = Wallet.objects.create(customer=ana, address=WALLETS[1], created_at=late_evening)
    assert evaluate_rules(now=NOON) == 1
    case = Case.objects.get()
    assert case.window_on == date(2026, 11, 19)
    assert case.evidence["wallet_ids"][-1] == str(second.pk)
    assert WALLETS[1] not in str(case.evidence)


def test_customers_who_share_a_recipient_are_found(ana: Customer) -> None:
    bob = _customer("bob")
    _rule("MANY_WALLETS", {"days": 30, "customers": 2, "shared": "recipient"}, severity="HIGH")
    first = _buy(ana, NOON - timedelta(days=3))
    _buy(ana, NOON - timedelta(days=1))  # the same customer again
    _buy(bob, NOON - timedelta(days=1), recipient=WALLETS[1])
    assert evaluate_rules(now=NOON) == 0

    second = _buy(bob, NOON)
    assert evaluate_rules(now=NOON) == 1
    case = Case.objects.get()
    assert case.customer == bob
    assert case.evidence["customer_ids"] == sorted([str(ana.pk), str(bob.pk)])
    assert {str(first.pk), str(second.pk)} <= set(case.evidence["order_ids"])


def test_customers_who_consent_from_one_address_are_found(ana: Customer) -> None:
    _rule("MANY_WALLETS", {"days": 7, "customers": 2, "shared": "ip"})
    publish_disclosures(now=LONG_AGO)
    text = Disclosure.objects.all()[0]
    for customer, digest in ((ana, "d" * 64), (_customer("bob"), "e" * 64), (_customer("eve"), "")):
        Consent.objects.create(customer=customer, disclosure=text, sha256=text.sha256, ip_digest=digest, at=NOON)
    nobody = _customer("dan")
    Consent.objects.create(customer=nobody, disclosure=text, sha256=text.sha256, ip_digest="", at=NOON)
    assert evaluate_rules(now=NOON) == 0

    carl = _customer("carl")
    Consent.objects.create(customer=carl, disclosure=text, sha256=text.sha256, ip_digest="d" * 64, at=NOON)
    assert evaluate_rules(now=NOON) == 2  # at the same moment: both complete it
    assert {case.customer for case in Case.objects.all()} == {ana, carl}
    assert "d" * 64 not in str(Case.objects.values_list("evidence", flat=True))


def test_evaluated_again_there_is_one_case(ana: Customer) -> None:
    _rule("VELOCITY", {"hours": 24, "orders": 2})
    _buy(ana, NOON)
    _buy(ana, NOON)

    assert [evaluate_rules(now=NOON), evaluate_rules(now=NOON)] == [1, 0]
    _buy(ana, NOON + timedelta(minutes=1))
    assert evaluate_rules(now=NOON + timedelta(minutes=2)) == 0  # the same day goes on: the same case
    assert Case.objects.count() == 1


def test_evaluated_by_two_at_once_there_is_one_case_and_one_hold(ana: Customer) -> None:
    _rule("VELOCITY", {"hours": 24, "orders": 2}, places_hold=True)
    _buy(ana, NOON)
    _buy(ana, NOON)
    gate, opened = threading.Barrier(4), []

    def evaluate() -> None:
        try:
            gate.wait()
            opened.append(evaluate_rules(now=NOON))
        finally:
            connection.close()

    threads = [threading.Thread(target=evaluate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(opened) == [0, 0, 0, 1]
    assert Case.objects.count() == Hold.objects.count() == 1


def test_a_pattern_that_crosses_midnight_belongs_to_the_day_that_completed_it(ana: Customer) -> None:
    _rule("VELOCITY", {"hours": 1, "orders": 2})
    midnight = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)  # in São Paulo
    _buy(ana, midnight - timedelta(minutes=10))
    _buy(ana, midnight + timedelta(minutes=10))

    assert evaluate_rules(now=midnight + timedelta(hours=1)) == 1
    assert Case.objects.get().window_on == date(2026, 11, 21)
    assert set(LimitDay.objects.values_list("day", flat=True)) == {date(2026, 11, 20), date(2026, 11, 21)}


def test_each_day_of_a_lasting_pattern_is_a_case(ana: Customer) -> None:
    _rule("VELOCITY", {"hours": 24, "orders": 2})
    for hours in (1, 2, 25, 26):
        _buy(ana, NOON - timedelta(hours=hours))

    assert evaluate_rules(now=NOON) == 2
    assert set(Case.objects.values_list("window_on", flat=True)) == {date(2026, 11, 19), date(2026, 11, 20)}


def test_an_order_that_commits_late_is_found(ana: Customer) -> None:
    _rule("VELOCITY", {"hours": 1, "orders": 2})
    _buy(ana, NOON)
    assert evaluate_rules(now=NOON + timedelta(minutes=5)) == 0

    _buy(ana, NOON - timedelta(seconds=30))  # accepted before the look, committed after it
    assert evaluate_rules(now=NOON + timedelta(minutes=6)) == 1


def test_after_a_stop_of_days_the_command_finds_what_the_loop_does_not(ana: Customer) -> None:
    _rule("VELOCITY", {"hours": 1, "orders": 2})
    _buy(ana, NOON)
    _buy(ana, NOON)
    assert evaluate_rules(now=NOON + timedelta(days=3)) == 0

    said = StringIO()
    call_command("monitor", "--days", "3650", stdout=said)
    assert said.getvalue() == "1 cases opened\n"


def test_a_change_is_a_new_version_and_each_order_is_judged_by_the_one_of_its_time(ana: Customer) -> None:
    first = _rule("VELOCITY", {"hours": 24, "orders": 3})
    second = _change(first, NOON, parameters={"hours": 24, "orders": 2})
    _buy(ana, NOON - timedelta(hours=2))
    _buy(ana, NOON - timedelta(hours=1))
    assert evaluate_rules(now=NOON + timedelta(hours=1)) == 0  # two before the change: three were needed

    _buy(ana, NOON)
    assert evaluate_rules(now=NOON + timedelta(hours=1)) == 1
    assert Case.objects.get().rule == second
    assert list(MonitoringRule.objects.order_by("version").values_list("version", "parameters")) == [
        (1, {"hours": 24, "orders": 3}),
        (2, {"hours": 24, "orders": 2}),
    ]


def test_what_an_old_version_missed_is_still_judged_by_it(ana: Customer) -> None:
    first = _rule("VELOCITY", {"hours": 24, "orders": 2})
    _change(first, NOON, is_active=False)
    _buy(ana, NOON - timedelta(hours=2))
    _buy(ana, NOON - timedelta(hours=1))
    _buy(ana, NOON)  # the rule is off from here on

    assert evaluate_rules(now=NOON + timedelta(hours=1)) == 1
    case = Case.objects.get()
    assert (case.rule, case.evidence["count"]) == (first, 2)
    assert [rule.version for rule in rules_in_force(after=NOON + timedelta(minutes=1))] == []


def test_a_hold_is_placed_once_and_a_released_one_is_not_placed_again(ana: Customer) -> None:
    rule = _rule("VELOCITY", {"hours": 24, "orders": 2}, places_hold=True)
    _rule("VELOCITY", {"hours": 24, "usd": "20"}, code="other", places_hold=True)
    _buy(ana, NOON)
    _buy(ana, NOON)

    assert evaluate_rules(now=NOON) == 2  # two cases, one hold
    hold = Hold.objects.get()
    assert (hold.subject, hold.owner, hold.released_at) == (f"customer:{ana.pk}", "monitoring", None)
    assert rule.code in hold.reason or "other" in hold.reason

    release_hold(subject=hold.subject, owner="monitoring", actor="staff:1", now=NOON)
    assert evaluate_rules(now=NOON) == 0
    assert not Hold.objects.filter(released_at=None).exists()


def test_a_rule_that_cannot_be_read_does_not_stop_the_others(ana: Customer) -> None:
    _rule("VELOCITY", {"hours": 24, "orders": 2})
    MonitoringRule.objects.create(
        code="broken", version=1, kind="VELOCITY", parameters={"hours": "many"}, severity="LOW", actor="sql",
        reason="past our services", created_at=LONG_AGO,
    )  # fmt: skip
    _buy(ana, NOON)
    _buy(ana, NOON)

    assert evaluate_rules(now=NOON) == 1


@pytest.mark.parametrize("change", ["UPDATE {} SET is_active = false", "DELETE FROM {}"])
def test_a_rule_is_never_changed_in_place(change: str) -> None:
    _rule("VELOCITY", {"hours": 24, "orders": 2})

    with pytest.raises(DatabaseError, match="Cannot update or delete"), connection.cursor() as cursor:
        cursor.execute(change.format("accounts_monitoringrule"))


def test_a_version_follows_its_last_one_of_the_same_kind() -> None:
    rule = _rule("VELOCITY", {"hours": 24, "orders": 2})
    ours = {"code": rule.code, "parameters": {"days": 1, "hours": 1}, "severity": "LOW", "actor": "sql", "reason": "r"}

    for version, kind, at in ((3, "VELOCITY", NOON), (2, "MANY_WALLETS", NOON), (2, "VELOCITY", LONG_AGO)):
        with pytest.raises(DatabaseError, match="does not follow"), transaction.atomic():
            MonitoringRule.objects.create(version=version, kind=kind, created_at=at, **ours)
