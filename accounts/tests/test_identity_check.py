"""PENDING → APPROVED | REJECTED, by staff, by the demo's provider and by Sumsub; a late RED takes it back."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from accounts.errors import KycNotOpen
from accounts.models import Customer, Hold, KycMessage
from accounts.sandbox.process import Sandbox
from accounts.selectors import onboarding_of
from accounts.services import (
    approve_customer,
    check_identity,
    reject_customer,
    reopen_customer,
    sweep_customers,
)
from accounts.standing import check_trading_eligibility, standing_of
from accounts.states import MOVES
from accounts.tests.people import CPF_2, applicant, apply, newcomer
from agora.lib import ids
from agora.lib.invariants import check
from agora.management.commands.audit import all_invariants
from agora.tests.staff import console_of, new_staff

pytestmark = pytest.mark.django_db(transaction=True)
RETRY = {"reviewAnswer": "RED", "reviewRejectType": "RETRY", "moderationComment": "Your name does not match."}
FINAL = {
    "reviewAnswer": "RED",
    "reviewRejectType": "FINAL",
    "clientComment": "on a list",
    "rejectLabels": ["SANCTIONS"],
}


def run_tasks() -> None:
    while row := OrmQ.objects.order_by("pk").first():
        task = row.task
        row.delete()
        import_string(task["func"])(*task["args"])


def fresh(customer: Customer) -> Customer:
    return Customer.objects.get(pk=customer.pk)


def external(customer: Customer) -> str:
    return ids.kyc_user_id(customer.pk)


def notify(sandbox: Sandbox, customer: Customer, **more: Any) -> int:
    """What Sumsub would send now, signed."""
    event = {"type": "applicantReviewed", "externalUserId": external(customer), "nonce": time.time_ns(), **more}
    body = json.dumps(event).encode()
    headers = sandbox.sign_webhook(body)
    answer = Client().post("/webhooks/sumsub", body, content_type="application/json", headers=headers)
    run_tasks()
    return int(answer.status_code)


def assert_sound() -> None:
    assert [verdict for verdict in map(check, all_invariants()) if not verdict.holds] == []


def decided(sandbox: Sandbox, result: dict[str, Any], name: str = "ana") -> Customer:
    """An applicant whom Sumsub has just decided about."""
    customer = applicant(name)
    run_tasks()
    sandbox.control.review(external(customer), **result)
    assert notify(sandbox, customer) == 200
    return fresh(customer)


# --- the demo's provider and staff ----------------------------------------------------------------------------------


def test_the_demo_provider_approves_by_itself(provider: str) -> None:
    customer = applicant()
    run_tasks()
    customer = fresh(customer)
    assert customer.status == "APPROVED"
    assert [(e.from_status, e.to_status, e.actor) for e in customer.events.all()] == [
        ("", "PENDING", f"user:{customer.user_id}"),
        ("PENDING", "APPROVED", "auto"),
    ]
    check_trading_eligibility(standing_of(customer=customer, now=timezone.now()))
    assert_sound()


def test_a_retry_says_why_and_a_corrected_application_is_checked_anew(provider: str) -> None:
    customer = applicant(full_name="Ana Souza RED RETRY")
    run_tasks()
    customer = fresh(customer)
    view = onboarding_of(customer=customer)
    assert (customer.status, view.may_submit, view.is_final) == ("REJECTED", True, False)
    assert view.sentence.startswith("We could not verify")

    apply(customer, full_name="Ana Souza", tax_id=CPF_2)
    run_tasks()

    customer = fresh(customer)
    assert (customer.status, customer.kyc_reject_kind, customer.kyc_sentence) == ("APPROVED", "", "")
    assert [e.to_status for e in customer.events.all()] == ["PENDING", "REJECTED", "PENDING", "APPROVED"]
    assert_sound()


def test_a_final_rejection_is_final_for_the_customer(provider: str) -> None:
    customer = applicant(full_name="Ana Souza RED FINAL")
    run_tasks()
    customer = fresh(customer)
    assert (customer.kyc_reject_kind, onboarding_of(customer=customer).may_submit) == ("FINAL", False)
    with pytest.raises(KycNotOpen):
        apply(customer, full_name="Ana Souza")


def test_nothing_is_checked_before_the_e_mail_is_confirmed(provider: str) -> None:
    customer = apply(newcomer())
    check_identity(customer_id=customer.pk, now=timezone.now())
    assert fresh(customer).status == "PENDING"


@pytest.mark.parametrize("provider", ["manual"], indirect=True)
def test_staff_decide_in_admin_with_a_reason(provider: str) -> None:
    ana, eva = applicant("ana"), applicant("eva", tax_id=CPF_2)
    run_tasks()
    assert (fresh(ana).status, fresh(ana).next_attempt_at) == ("PENDING", None)
    client = console_of(new_staff(group="compliance"))
    approve = f"/admin/accounts/customer/{ana.pk}/act/approve/"
    reject = f"/admin/accounts/customer/{eva.pk}/act/reject/"

    ask = client.get(approve)
    assert (ask.status_code, fresh(ana).status) == (200, "PENDING")  # a page that asks for the reason
    client.post(approve, {"seen": fresh(ana).version, "reason": "seen the card"})
    client.post(
        reject,
        {"seen": fresh(eva).version, "reason": "no match", "kind": "RETRY", "sentence": "Send your full name."},
    )

    assert (fresh(ana).status, fresh(eva).status, fresh(eva).kyc_sentence) == (
        *("APPROVED", "REJECTED"),
        "Send your full name.",
    )
    event = fresh(ana).events.last()
    assert (event.actor.startswith("staff:"), event.reason) == (True, "seen the card")
    assert_sound()


def test_a_login_without_the_permission_decides_nothing() -> None:
    customer = applicant()
    client = console_of(new_staff("clerk", permissions=("accounts.view_customer",)))
    answer = client.post(
        f"/admin/accounts/customer/{customer.pk}/act/approve/", {"seen": customer.version, "reason": "x"}
    )
    assert (answer.status_code, fresh(customer).status) == (403, "PENDING")


# --- the table of moves ----------------------------------------------------------------------------------------------


def test_the_database_refuses_every_move_that_is_not_in_the_table() -> None:
    customer = applicant()
    for before in MOVES:
        for after in MOVES:
            if after in MOVES[before] or before == after:
                continue
            with pytest.raises(DatabaseError):
                _move(customer, before, after)
    assert fresh(customer).status == "PENDING"


@transaction.atomic
def _move(customer: Customer, before: str, after: str) -> None:
    """By bare SQL: to the start of the move without triggers, and then the move with them."""
    kind = "FINAL" if before == "REJECTED" else ""
    start = "UPDATE accounts_customer SET status = %s, kyc_reject_kind = %s WHERE id = %s"
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(start, [before, kind, customer.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("UPDATE accounts_customer SET status = %s WHERE id = %s", [after, customer.pk])


def test_a_status_without_its_event_is_refused_at_commit() -> None:
    customer = applicant()
    with pytest.raises(DatabaseError, match="last event"):
        Customer.objects.filter(pk=customer.pk).update(status="APPROVED")


def test_decisions_that_do_not_fit_are_refused_and_repeated_ones_do_nothing() -> None:
    customer, now = applicant(), timezone.now()
    approve_customer(customer=customer, actor="staff:1", now=now)
    approve_customer(customer=customer, actor="staff:1", now=now)
    assert customer.events.count() == 2
    with pytest.raises(KycNotOpen):
        reopen_customer(customer=customer, actor="staff:1", reason="", now=now)
    reject_customer(customer=customer, kind="FINAL", sentence="No.", actor="staff:1", now=now)
    for again in (
        lambda: approve_customer(customer=customer, actor="staff:1", now=now),
        lambda: reject_customer(customer=customer, kind="RETRY", sentence="", actor="staff:1", now=now),
    ):
        with pytest.raises(KycNotOpen):
            again()
    assert_sound()


# --- Sumsub ----------------------------------------------------------------------------------------------------------


def test_sumsub_is_told_once_under_our_id_and_its_green_approves(sandbox: Sandbox) -> None:
    mark = max((entry["id"] for entry in sandbox.control.log()), default=0)
    customer = decided(sandbox, {"reviewAnswer": "GREEN"})
    assert customer.status == "APPROVED"
    assert (customer.kyc_provider, len(customer.kyc_applicant_id)) == ("sumsub", 24)
    created = sandbox.control.log(after=mark, kind="applicant_created")
    assert [entry["external_user_id"] for entry in created] == [external(customer)]
    assert_sound()


def test_a_red_retry_shows_the_providers_sentence_and_a_new_try_is_another(sandbox: Sandbox) -> None:
    customer = decided(sandbox, RETRY)
    assert (customer.status, customer.kyc_reject_kind) == ("REJECTED", "RETRY")
    assert customer.kyc_sentence == "Your name does not match."

    apply(customer, full_name="Ana Maria Souza")
    run_tasks()
    assert fresh(customer).status == "PENDING"  # the old answer does not count for the new try
    assert sandbox.control.log(kind="fixed_info_changed") != []
    notify(sandbox, customer)
    assert fresh(customer).status == "PENDING"
    sandbox.control.review(external(customer), reviewAnswer="GREEN")
    notify(sandbox, customer)

    assert fresh(customer).status == "APPROVED"
    assert_sound()


def test_a_final_red_keeps_the_providers_private_words_from_the_customer(sandbox: Sandbox) -> None:
    customer = decided(sandbox, FINAL)
    assert (customer.status, customer.kyc_reject_kind) == ("REJECTED", "FINAL")
    assert "list" not in customer.kyc_sentence
    assert customer.events.last().data["labels"] == ["SANCTIONS"]


def test_a_late_red_takes_the_approval_back_and_holds_what_is_on_the_way(sandbox: Sandbox) -> None:
    customer = decided(sandbox, {"reviewAnswer": "GREEN"})
    sandbox.control.review(external(customer), **FINAL)  # the very same try, weeks later
    notify(sandbox, customer)

    customer = fresh(customer)
    assert (customer.status, customer.kyc_reject_kind) == ("REJECTED", "FINAL")
    assert [hold.owner for hold in Hold.objects.filter(subject=f"customer:{customer.pk}", released_at=None)] == ["kyc"]
    with pytest.raises(Exception, match="approved"):
        check_trading_eligibility(standing_of(customer=customer, now=timezone.now()))
    assert_sound()


def test_a_green_after_a_final_red_changes_nothing(sandbox: Sandbox) -> None:
    customer = decided(sandbox, FINAL)
    sandbox.control.review(external(customer), reviewAnswer="GREEN")
    notify(sandbox, customer)
    assert fresh(customer).kyc_reject_kind == "FINAL"


def test_a_retry_that_becomes_final_is_final(sandbox: Sandbox) -> None:
    customer = decided(sandbox, RETRY)
    sandbox.control.review(external(customer), **FINAL)
    notify(sandbox, customer)
    assert fresh(customer).kyc_reject_kind == "FINAL"
    assert_sound()


def test_a_notification_is_not_believed_it_is_looked_up(sandbox: Sandbox) -> None:
    customer = applicant()
    run_tasks()
    notify(sandbox, customer, reviewResult={"reviewAnswer": "GREEN"}, reviewStatus="completed")  # signed, and wrong
    assert fresh(customer).status == "PENDING"


def test_a_notification_is_kept_once(sandbox: Sandbox) -> None:
    customer = applicant()
    assert [notify(sandbox, customer, nonce=1) for _ in range(2)] == [200, 200]
    assert KycMessage.objects.count() == 1
    assert notify(sandbox, newcomer("other"), externalUserId="somebody-elses") == 200
    assert notify(sandbox, customer, externalUserId=f"agora-customer-{'0' * 32}") == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Payload-Digest": "", "X-Payload-Digest-Alg": "HMAC_SHA256_HEX"},
        {"X-Payload-Digest": "00" * 32, "X-Payload-Digest-Alg": "HMAC_SHA256_HEX"},
        {"X-Payload-Digest": "é", "X-Payload-Digest-Alg": "HMAC_SHA256_HEX"},
        {"X-Payload-Digest": "00" * 20, "X-Payload-Digest-Alg": "HMAC_SHA1_HEX"},
        {"X-Payload-Digest": "00" * 32, "X-Payload-Digest-Alg": "none"},
    ],
)
def test_an_unsigned_notification_is_refused_and_leaves_nothing(sandbox: Sandbox, headers: dict[str, str]) -> None:
    answer = Client().post("/webhooks/sumsub", b'{"type": "x"}', content_type="application/json", headers=headers)
    assert (answer.status_code, KycMessage.objects.count(), OrmQ.objects.count()) == (401, 0, 0)


def test_an_edited_notification_and_one_for_no_secret_are_refused(sandbox: Sandbox, settings: Any) -> None:
    headers = sandbox.sign_webhook(b'{"type": "x"}')
    post = {"content_type": "application/json", "headers": headers}
    assert Client().post("/webhooks/sumsub", b'{"type": "y"}', **post).status_code == 401
    assert Client().post("/webhooks/sumsub", b'{"type": "x"}', **post).status_code == 200
    settings.SUMSUB_WEBHOOK_SECRET = ""
    assert Client().post("/webhooks/sumsub", b'{"type": "x"}', **post).status_code == 401


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "status", "status": 500},
        {"fault": "status", "status": 500, "when": "after"},
        {"fault": "drop", "when": "after"},
        {"fault": "malformed", "when": "after"},
        {"fault": "status", "status": 429},
    ],
)
@pytest.mark.parametrize("endpoint", ["POST /resources/applicants", "GET /resources"])
def test_after_a_fault_the_sweep_finishes_and_there_is_one_applicant(
    sandbox: Sandbox, fault: dict[str, Any], endpoint: str
) -> None:
    sandbox.control.settings(answer={"reviewAnswer": "GREEN"})
    mark = max((entry["id"] for entry in sandbox.control.log()), default=0)
    sandbox.control.scenario(endpoint=endpoint, **fault)
    customer = applicant()

    deadline = time.monotonic() + 10
    while fresh(customer).status != "APPROVED":
        assert time.monotonic() < deadline
        run_tasks()
        sweep_customers(now=timezone.now() + timezone.timedelta(hours=1))
        time.sleep(0.02)

    assert len(sandbox.control.log(after=mark, kind="applicant_created")) == 1
    assert_sound()


def test_a_refusal_for_good_is_held_for_staff_and_not_repeated(sandbox: Sandbox) -> None:
    sandbox.control.settings(levels=["another"])
    customer = applicant()
    run_tasks()
    customer = fresh(customer)
    assert (customer.status, customer.next_attempt_at) == ("PENDING", None)
    hold = Hold.objects.get()
    assert (hold.subject, "Level" in hold.reason) == (f"customer:{customer.pk}", True)
    assert sweep_customers(now=timezone.now() + timezone.timedelta(hours=1)) == 0


def test_a_wrong_secret_key_is_our_trouble_and_final_for_nobody(sandbox: Sandbox, settings: Any) -> None:
    settings.SUMSUB_SECRET_KEY = "wrong"
    customer = applicant()
    run_tasks()
    assert (fresh(customer).status, Hold.objects.count()) == ("PENDING", 0)
    assert fresh(customer).next_attempt_at is not None
