"""An account's end: asked for, withdrawn, refused, done; what goes, what stays, and for how long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone
from eth_account import Account

from accounts.errors import DeletionBlocked, DeletionNotOpen, KycNotOpen, TaxIdTaken
from accounts.kyc.base import Answer, Review
from accounts.models import ApiToken, Consent, Customer, DeletionEvent, DeletionRequest, SignInChallenge, User, Wallet
from accounts.selectors import deletion_of, live_token
from accounts.services import (
    approve_customer,
    complete_deletion,
    erase_closed_accounts,
    issue_api_token,
    refuse_deletion,
    reject_customer,
    request_deletion,
    withdraw_deletion,
)
from accounts.services.checking import _take_in
from accounts.services.leaving import _years_later
from accounts.tests.people import CPF, Browser, applicant, apply, browser, newcomer
from agora.lib.invariants import check
from agora.management.commands.audit import all_invariants
from agora.tests.rows import NOON, new_order, walk_to
from agora.tests.staff import console_of, new_staff
from agora.tests.tables import unchanged

pytestmark = pytest.mark.django_db(transaction=True)

STAFF = "staff:1"


@pytest.fixture(autouse=True)
def _settings(settings: Any, chain: str) -> None:
    settings.KYC_PROVIDER = "manual"
    settings.KYC_RETENTION_YEARS = 10


def violations() -> list[str]:
    """What the audit says of customers; the queue's own part is not what this is about."""
    return [verdict.name for invariant in all_invariants() if not (verdict := check(invariant)).holds]


def a_customer(*, approved: bool = True) -> Customer:
    """With all that a customer may have: identity, e-mail, wallet, API token."""
    somebody = browser()
    assert somebody.sign_in().status_code == 200
    customer = User.objects.get(pk=somebody.user_id).customer
    User.objects.filter(pk=customer.user_id).update(first_name="Ana", last_name="Souza", email="ana@example.com")
    apply(customer)
    Customer.objects.filter(pk=customer.pk).update(email_confirmed_at=NOON, kyc_applicant_id="applicant-77")
    if approved:
        approve_customer(customer=customer, actor=STAFF, now=timezone.now())
    customer.refresh_from_db()
    return customer


def asked(customer: Customer, reason: str = "I am Ana and I move abroad") -> DeletionRequest:
    return request_deletion(customer=customer, reason=reason, now=timezone.now())


def complete(request: DeletionRequest, **changes: Any) -> None:
    complete_deletion(**{"request": request, "actor": STAFF, "reason": "as asked", "now": timezone.now(), **changes})


def everything_about(*words: str) -> list[str]:
    """The tables in which one of the words stands, in any column."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(
                f'SELECT count(*) FROM "{table}" t WHERE t::text ILIKE ANY(%s)', [[f"%{word}%" for word in words]]
            )
            if cursor.fetchone()[0]:
                found.append(table)
    return sorted(found)


def test_asking_twice_is_one_request() -> None:
    customer = a_customer()

    first, second = asked(customer, "one"), asked(customer, "two")

    assert first.pk == second.pk
    assert DeletionRequest.objects.get().reason == "one"
    assert deletion_of(customer=customer, now=timezone.now()).may_withdraw
    assert violations() == []


def test_a_withdrawn_request_leaves_the_account_as_it_was_and_keeps_no_words() -> None:
    customer = a_customer()
    asked(customer)

    withdraw_deletion(customer=customer, now=timezone.now())

    state = deletion_of(customer=customer, now=timezone.now())
    assert (state.status, state.may_request, state.may_withdraw) == ("WITHDRAWN", True, False)
    assert DeletionRequest.objects.get().reason == ""
    customer.refresh_from_db()
    assert (customer.status, customer.full_name) == ("APPROVED", "Ana Souza")
    with pytest.raises(DeletionNotOpen):
        withdraw_deletion(customer=customer, now=timezone.now())
    assert asked(customer).status == "REQUESTED"


def test_a_refusal_has_a_sentence_for_the_customer_who_may_ask_again() -> None:
    customer = a_customer()
    request = asked(customer)

    refuse_deletion(request=request, actor=STAFF, reason="a court", sentence="A court asks.", now=timezone.now())

    state = deletion_of(customer=customer, now=timezone.now())
    assert (state.status, state.sentence, state.may_request) == ("REFUSED", "A court asks.", True)
    with unchanged(), pytest.raises(DeletionNotOpen):
        complete(request)


def test_who_was_approved_is_closed_at_once_and_erased_when_the_law_lets_go() -> None:
    customer, now = a_customer(), timezone.now()
    request = asked(customer)

    complete(request, now=now)

    customer.refresh_from_db()
    assert (request.status, customer.status) == ("CLOSED", "CLOSED")
    assert request.erase_after == _years_later(now, 10)
    assert (customer.full_name, customer.country, customer.email) == ("Ana Souza", "BR", "")
    assert everything_about("ana@example.com", "move abroad") == []
    assert everything_about("Ana Souza") == ["accounts_customer"]
    assert violations() == []

    assert erase_closed_accounts(now=now + timedelta(days=3000)) == 0
    assert erase_closed_accounts(now=now + timedelta(days=3660)) == 1
    assert erase_closed_accounts(now=now + timedelta(days=3660)) == 0

    request.refresh_from_db()
    customer.refresh_from_db()
    assert request.status == "ERASED"
    assert (customer.full_name, customer.tax_id_sealed, customer.tax_id_index) == ("", "", None)
    assert everything_about("Ana Souza", "applicant-77") == []
    assert violations() == []


def test_of_who_was_never_decided_about_nothing_is_kept() -> None:
    customer = a_customer(approved=False)
    request = asked(customer)

    complete(request)

    customer.refresh_from_db()
    assert (request.status, request.erase_after, customer.status) == ("ERASED", None, "CLOSED")
    assert (customer.tax_id_sealed, customer.tax_id_index, customer.full_name) == ("", None, "")
    assert everything_about("Ana Souza", "Souza", "ana@example.com") == []
    assert Consent.objects.filter(customer=customer).count() == 2  # proof that we were allowed to have it
    assert violations() == []


def test_who_was_refused_for_good_cannot_come_back_under_another_name() -> None:
    customer = a_customer(approved=False)
    reject_customer(customer=customer, kind="FINAL", sentence="No.", actor=STAFF, now=timezone.now())
    request = asked(customer)

    complete(request)

    assert request.status == "CLOSED"
    with pytest.raises(TaxIdTaken):
        apply(newcomer("again"), full_name="Another Name", email="b@example.com", tax_id=CPF)


def test_who_may_correct_an_application_may_leave_and_come_back() -> None:
    customer = a_customer(approved=False)
    reject_customer(customer=customer, kind="RETRY", sentence="Again.", actor=STAFF, now=timezone.now())

    complete(asked(customer))

    customer.refresh_from_db()
    assert (customer.status, customer.kyc_reject_kind, customer.kyc_sentence) == ("CLOSED", "", "")
    assert applicant("again").tax_id_sealed
    assert violations() == []


def test_nobody_signs_in_to_a_closed_account_and_its_wallet_opens_a_new_one(chain: str) -> None:
    wallet = Account.create()
    visitor = browser(wallet)
    visitor.sign_in()
    customer = User.objects.get(pk=visitor.user_id).customer
    token = issue_api_token(user=customer.user, name="Ana's laptop", now=timezone.now())
    assert visitor.client.get("/profile/").status_code == 200
    complete(asked(customer))

    assert visitor.client.get("/profile/").status_code == 302
    assert live_token(token=token, now=timezone.now()) is None
    assert ApiToken.objects.get().name == ""
    assert not Wallet.objects.exists()
    assert not SignInChallenge.objects.exists()
    again = Browser(Client(), wallet)
    assert again.sign_in().status_code == 200
    assert User.objects.get(pk=again.user_id).customer.pk != customer.pk
    assert violations() == []


def test_an_order_on_its_way_keeps_the_account_open() -> None:
    customer = a_customer()
    order = new_order(customer=customer)
    request = asked(customer)
    assert deletion_of(customer=customer, now=timezone.now()).blockers == ("1 order is on its way.",)

    with unchanged(), pytest.raises(DeletionBlocked, match="1 order is on its way"):
        complete(request)

    walk_to(order, "EXPIRED")
    complete(request)
    assert request.status == "CLOSED"


def test_a_closed_account_takes_no_decision_any_more() -> None:
    customer = a_customer(approved=False)
    complete(asked(customer))
    review = Review(
        applicant_id="applicant-77",
        external_user_id="",
        attempt_id="t-9",
        answer=Answer.RED,
        is_final=True,
        sentence="",
        labels=("X",),
    )

    with unchanged():
        _take_in(customer.pk, review, timezone.now())
        with pytest.raises(KycNotOpen):
            approve_customer(customer=customer, actor=STAFF, now=timezone.now())
        with pytest.raises(KycNotOpen):
            reject_customer(customer=customer, kind="FINAL", sentence="", actor=STAFF, now=timezone.now())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_customer SET status = 'PENDING'",
        "UPDATE accounts_customer SET status = 'APPROVED', version = version + 1",
        "UPDATE accounts_deletionrequest SET status = 'REQUESTED'",
        "UPDATE accounts_deletionrequest SET erase_after = NULL",
        "UPDATE accounts_deletionrequest SET reason = 'because'",
        "UPDATE accounts_deletionevent SET reason = ''",
        "DELETE FROM accounts_deletionevent",
        "DELETE FROM accounts_deletionrequest",
    ],
)
def test_the_database_keeps_a_closed_account_closed(statement: str) -> None:
    complete(asked(a_customer()))

    with unchanged(), pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE accounts_customer SET email = 'a@b.c'", "of a closed account no contact"),
        ("UPDATE accounts_user SET is_active = true", "of a closed account no contact"),
        ("UPDATE accounts_deletionrequest SET erase_after = '2020-01-01'", "of an erased account no name"),
    ],
)
def test_the_audit_finds_what_should_have_gone(statement: str, broken: str) -> None:
    complete(asked(a_customer()))
    assert violations() == []

    with connection.cursor() as cursor:
        cursor.execute(statement)

    assert [name for name in violations() if name.startswith(broken)]


def test_the_reasons_of_customers_are_in_no_event() -> None:
    request = asked(a_customer(), "my private reason")

    complete(request)

    assert [event.to_status for event in request.events.all()] == ["REQUESTED", "CLOSED"]
    assert not DeletionEvent.objects.filter(reason__contains="private").exists()


def test_ten_years_after_a_leap_day_is_the_first_of_march() -> None:
    leap = NOON.replace(year=2028, month=2, day=29)

    assert _years_later(leap, 10).strftime("%Y-%m-%d") == "2038-03-01"
    assert _years_later(leap, 4).strftime("%Y-%m-%d") == "2032-02-29"


def test_a_customer_asks_and_withdraws_from_their_profile() -> None:
    customer = a_customer()
    visitor = Client(enforce_csrf_checks=False)
    visitor.force_login(customer.user)

    assert visitor.get("/profile/deletion/").status_code == 405
    answer = visitor.post("/profile/deletion/", {"reason": "x" * 900})
    assert (answer.status_code, answer["Location"]) == (302, "/profile/")
    assert DeletionRequest.objects.get().reason == "x" * 500
    assert visitor.post("/profile/deletion/withdraw/").status_code == 302
    assert DeletionRequest.objects.get().status == "WITHDRAWN"
    assert visitor.post("/profile/deletion/withdraw/").status_code == 409


def test_a_stranger_asks_for_nothing() -> None:
    with unchanged():
        assert Client().post("/profile/deletion/").status_code == 302
        assert Client(enforce_csrf_checks=True).post("/profile/deletion/").status_code == 403


def test_staff_close_an_account_with_a_reason_and_others_do_not() -> None:
    request = asked(a_customer())
    boss = new_staff("boss", group="compliance")
    page = f"/admin/accounts/deletionrequest/{request.pk}/act/complete/"
    typed = {"seen": request.version, "reason": "as asked"}

    outsider = console_of(new_staff("clerk", group="auditor"))
    assert outsider.post(page, typed).status_code == 403
    staff = console_of(boss)
    asking = staff.get(page)
    assert "no way back" in asking.content.decode()
    request.refresh_from_db()
    assert request.status == "REQUESTED"

    assert staff.post(page, typed).status_code == 302

    request.refresh_from_db()
    assert request.status == "CLOSED"
    assert request.events.last().actor == f"staff:{boss.pk}"
    assert request.events.last().reason == "as asked"
