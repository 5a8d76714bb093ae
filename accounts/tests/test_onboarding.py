"""What a customer tells us: checked, sealed, agreed to, confirmed by e-mail."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from accounts import pii
from accounts.errors import (
    ConfirmationInvalid,
    ConsentMissing,
    KycNotOpen,
    ProfileInvalid,
    TaxIdInvalid,
    TaxIdTaken,
)
from accounts.models import Consent, Customer, Disclosure
from accounts.selectors import current_disclosures, masked_tax_id, onboarding_of, read_tax_id
from accounts.services import change_email, confirm_email, publish_disclosures, send_email_confirmation
from accounts.services.mailing import confirmation_token
from accounts.tests.people import CPF, CPF_2, RUC, applicant, apply, newcomer
from agora.lib.invariants import check
from agora.management.commands.audit import all_invariants
from agora.tests.staff import console_of, new_staff

pytestmark = pytest.mark.django_db


def queued() -> list[str]:
    return [row.task["func"] for row in OrmQ.objects.order_by("pk")]


def text_of_the_database() -> str:
    """Every value of every table, as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        everything = []
        for table in tables:
            cursor.execute(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" t')
            everything.append(cursor.fetchone()[0] or "")
    return "\n".join(everything)


def test_an_application_is_kept_sealed_and_the_link_is_sent() -> None:
    customer = apply(newcomer())

    assert (customer.full_name, customer.country, customer.status) == ("Ana Souza", "BR", "PENDING")
    assert (read_tax_id(customer=customer), masked_tax_id(customer=customer)) == ("52998224725", "***.***.*47-2*")
    assert queued() == ["accounts.tasks.send_email_confirmation"]
    assert [verdict for verdict in map(check, all_invariants()) if not verdict.holds] == []


def test_no_tax_id_stands_in_plain_text_anywhere_in_the_database() -> None:
    applicant("ana")
    applicant("rosa", country="PY", tax_id=RUC, email="rosa@example.com")
    everything = text_of_the_database()
    assert "Ana Souza" in everything  # so we do look
    for plain in (CPF, "52998224725", "529982247", RUC, "800280610", "80028061"):
        assert plain not in everything


def test_the_same_tax_id_seals_differently_each_time_and_only_for_its_row() -> None:
    first, second = pii.seal("52998224725", owner="a"), pii.seal("52998224725", owner="a")
    assert first != second
    assert pii.unseal(first, owner="a") == pii.unseal(second, owner="a") == "52998224725"
    for sealed, owner in [(first, "b"), (first[:-3] + "AA=", "a"), (first.replace("sandbox", "gone"), "a"), ("x", "a")]:
        with pytest.raises(pii.Unreadable):
            pii.unseal(sealed, owner=owner)


def test_a_new_key_reseals_everything_and_the_old_one_may_go(settings: Any) -> None:
    customer = apply(newcomer())
    new = "k2:" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
    settings.PII_KEYS = [new, *settings.PII_KEYS]

    call_command("reseal_pii", verbosity=0)

    settings.PII_KEYS = [new]
    customer.refresh_from_db()
    assert customer.tax_id_sealed.startswith("v1.k2.")
    assert read_tax_id(customer=customer) == "52998224725"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"tax_id": "529.982.247-26"}, TaxIdInvalid),
        ({"tax_id": RUC}, TaxIdInvalid),
        ({"country": "AR"}, ProfileInvalid),
        ({"country": ""}, ProfileInvalid),
        ({"full_name": "Ana"}, ProfileInvalid),
        ({"full_name": " "}, ProfileInvalid),
        ({"email": "ana@"}, ProfileInvalid),
        ({"accepted": []}, ConsentMissing),
    ],
)
def test_a_wrong_application_is_refused_and_writes_nothing(changes: dict[str, Any], refusal: type[Exception]) -> None:
    customer = newcomer()
    with pytest.raises(refusal):
        apply(customer, **changes)
    customer.refresh_from_db()
    assert (customer.submitted_at, customer.tax_id_sealed, customer.email, Consent.objects.count()) == (None, "", "", 0)
    assert queued() == []


def test_one_of_the_two_texts_is_not_enough() -> None:
    publish_disclosures(now=timezone.now())
    with pytest.raises(ConsentMissing):
        apply(newcomer(), accepted=[current_disclosures(language="en")[0].pk])


def test_the_same_tax_id_twice_in_a_country_is_refused_however_it_is_written() -> None:
    apply(newcomer("ana"))
    second = newcomer("eva")
    with pytest.raises(TaxIdTaken):
        apply(second, tax_id="52998224725", email="eva@example.com")
    second.refresh_from_db()
    assert (second.submitted_at, second.consents.count()) == (None, 0)
    apply(second, tax_id=CPF_2, email="eva@example.com")


def test_the_database_itself_refuses_a_tax_id_in_plain_text_and_a_second_index() -> None:
    first, second = apply(newcomer("ana")), newcomer("eva")
    for changes in (
        {"tax_id_sealed": "52998224725", "tax_id_index": "a" * 64},
        {"country": "BR", "tax_id_sealed": first.tax_id_sealed, "tax_id_index": first.tax_id_index},
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            Customer.objects.filter(pk=second.pk).update(**changes)


def test_what_was_accepted_is_kept_by_its_hash_and_cannot_be_changed() -> None:
    customer = apply(newcomer())

    consents = list(customer.consents.select_related("disclosure"))
    assert sorted((c.disclosure.kind, c.disclosure.language) for c in consents) == [
        ("PRIVACY", "pt-br"),
        ("RIGHTS", "pt-br"),
    ]
    for consent in consents:
        assert consent.sha256 == hashlib.sha256(consent.disclosure.text.encode()).hexdigest()
        assert consent.ip_digest != ""
        assert "203.0.113.7" not in consent.ip_digest
    for rows in (Consent.objects.all(), Disclosure.objects.all()):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(sha256="0" * 64)
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.delete()


def test_the_texts_are_published_once_and_an_edit_needs_a_new_version(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    assert len(publish_disclosures(now=now)) == len(publish_disclosures(now=now)) == Disclosure.objects.count() == 6
    assert {text.language for text in current_disclosures(language="es")} == {"es"}
    assert {text.language for text in current_disclosures(language="gn")} == {"en"}
    monkeypatch.setitem(__import__("accounts.disclosures").disclosures.TEXTS, ("RIGHTS", "en"), "edited")
    with pytest.raises(RuntimeError, match="VERSION"):
        publish_disclosures(now=now)


def test_an_application_is_sent_once() -> None:
    customer = apply(newcomer())
    with pytest.raises(KycNotOpen):
        apply(customer, tax_id=CPF_2)
    view = onboarding_of(customer=customer)
    assert (view.is_submitted, view.may_submit, view.is_email_confirmed) == (True, False, False)


@pytest.mark.django_db(transaction=True)
def test_the_link_confirms_by_a_button_and_starts_the_check(settings: Any) -> None:
    settings.PUBLIC_URL = "https://agora.example"
    customer = apply(newcomer())
    send_email_confirmation(customer_id=customer.pk)
    link = mail.outbox[0].body.split("https://agora.example")[1].split()[0]
    assert "ana" not in link.lower()
    assert "52998224725" not in mail.outbox[0].body

    page = Client().get(link)
    customer.refresh_from_db()
    assert (page.status_code, customer.email_confirmed_at) == (200, None)  # a mail scanner's look confirms nothing

    assert Client().post(link).status_code == 200
    customer.refresh_from_db()
    assert customer.email_confirmed_at is not None
    assert queued()[-1] == "accounts.tasks.check_identity"
    assert Client().post(link).status_code == 200  # a second press is no error, and starts nothing
    assert queued().count("accounts.tasks.check_identity") == 1
    send_email_confirmation(customer_id=customer.pk)
    assert len(mail.outbox) == 1


def test_a_forged_an_old_and_another_addresss_link_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    customer = apply(newcomer())
    token = confirmation_token(customer=customer)
    now = timezone.now()
    for wrong in (token[:-2] + "xx", "", "a:b:c"):
        with pytest.raises(ConfirmationInvalid):
            confirm_email(token=wrong, now=now)
    monkeypatch.setattr("accounts.services.mailing.GOOD_FOR", timedelta(seconds=-1))
    with pytest.raises(ConfirmationInvalid):
        confirm_email(token=token, now=now)
    monkeypatch.undo()
    change_email(customer=customer, email="ana@example.org", now=now)
    with pytest.raises(ConfirmationInvalid):
        confirm_email(token=token, now=now)
    customer.refresh_from_db()
    assert (customer.email, customer.email_confirmed_at) == ("ana@example.org", None)


def test_a_confirmed_address_is_not_changed_by_itself() -> None:
    customer = applicant()
    with pytest.raises(KycNotOpen):
        change_email(customer=customer, email="eve@example.com", now=timezone.now())


def test_admin_shows_a_tax_id_masked_and_never_its_sealed_form() -> None:
    customer = apply(newcomer())
    client = console_of(new_staff())
    page = client.get(f"/admin/accounts/customer/{customer.pk}/change/").content.decode()
    assert "***.***.*47-2*" in page
    for secret in (customer.tax_id_sealed, str(customer.tax_id_index), "52998224725", CPF):
        assert secret not in page


def test_nothing_personal_is_logged(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    caplog.set_level("DEBUG")
    applicant()
    written = caplog.text + "".join(capsys.readouterr())
    for secret in (CPF, "52998224725", "ana@example.com", "Souza"):
        assert secret not in written
