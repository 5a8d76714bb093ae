"""What staff see of people in the console: masked, who may be the same, and the queue by age."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.masks import mask_email, mask_name
from accounts.models import AuditEntry, Consent, SignInChallenge, Wallet
from accounts.services import place_hold, propose
from accounts.similar import similar_customers
from accounts.tests.people import CPF, CPF_2, RUC, applicant
from agora.tests.staff import console_of, new_staff

pytestmark = pytest.mark.django_db(transaction=True)

SECRETS = ("Souza", "ana@example.com", "52998224725", CPF)


def _text(answer: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


@pytest.mark.parametrize(
    ("plain", "masked"), [("Ana Souza", "A•• S••••"), ("Maximiliano", "M••••"), ("Li", "L•"), ("", "")]
)
def test_a_name_shows_its_first_letters_only(plain: str, masked: str) -> None:
    assert mask_name(plain) == masked


def test_an_address_shows_its_first_letters_and_its_ending() -> None:
    assert (mask_email("ana@mail.example.com"), mask_email("")) == ("a••@m••••.com", "")


def test_nothing_personal_is_on_any_page_about_a_customer_until_it_is_asked_for() -> None:
    ana, client = applicant(), console_of(new_staff("eva", group="compliance"))
    page = f"/admin/accounts/customer/{ana.pk}/"
    for path in ("/admin/", "/admin/accounts/customer/", f"{page}change/", f"{page}act/reveal/", f"{page}act/reject/"):
        content = client.get(path).content.decode()
        assert not [secret for secret in (*SECRETS, ana.tax_id_sealed, str(ana.tax_id_index)) if secret in content]

    shown = client.post(f"{page}act/reveal/", {"seen": ana.version, "reason": "case 7"})

    assert (shown.status_code, "no-store" in shown["Cache-Control"]) == (200, True)
    assert all(secret in shown.content.decode() for secret in SECRETS[:3])
    entry = AuditEntry.objects.get(action="customer.reveal")
    assert (entry.reason, entry.subject) == ("case 7", f"customer:{ana.pk}")
    assert entry.request_id == shown["X-Request-ID"]
    assert len(entry.ip_digest) == 64


def test_nothing_is_revealed_without_a_reason() -> None:
    ana, client = applicant(), console_of(new_staff("eva", group="compliance"))
    answer = client.post(f"/admin/accounts/customer/{ana.pk}/act/reveal/", {"seen": ana.version, "reason": " "})
    assert not [secret for secret in SECRETS if secret in answer.content.decode()]
    assert not AuditEntry.objects.filter(action="customer.reveal").exists()


def test_the_queue_has_those_who_wait_the_longest_first() -> None:
    now = timezone.now()
    old = applicant("old", tax_id=CPF_2, now=now - timedelta(hours=30))
    young = applicant("young", now=now - timedelta(hours=1))
    approved = applicant("done", tax_id=RUC, country="PY", now=now - timedelta(hours=50))
    client = console_of(new_staff("eva", group="compliance"))
    client.post(f"/admin/accounts/customer/{approved.pk}/act/approve/", {"seen": approved.version, "reason": "seen"})

    home = _text(client.get("/admin/"))
    queue = client.get("/admin/accounts/customer/?queue=waiting").content.decode()

    assert (str(approved.pk) in queue, queue.index(str(old.pk)) < queue.index(str(young.pk))) == (False, True)
    assert "Identity checks that wait 2" in home
    assert "1 day, 6 hours ago" in home


def test_who_may_be_the_same_person_is_shown_with_what_they_share() -> None:
    ana = applicant()
    same = applicant("same", tax_id=CPF_2, email="Ana@example.com", ip="198.51.100.1")
    near = applicant("near", tax_id=RUC, country="PY", full_name="Bo Lee", email="bo@example.com")
    stranger = applicant("other", tax_id="16899535009", full_name="Cy Roe", email="cy@example.com", ip="198.51.100.2")
    Wallet.objects.create(customer=ana, address="0x70997970C51812dc3A010C7d01b50e0d17dc79C8", created_at=timezone.now())
    SignInChallenge.objects.create(
        nonce="n",
        text="t",
        address="0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        session_digest="s",
        user=near.user,
        created_at=timezone.now(),
        expires_at=timezone.now() + timedelta(minutes=5),
    )
    assert Consent.objects.filter(customer=stranger).exists()

    found = {one.customer_id: set(one.why) for one in similar_customers(customer=ana)}

    assert found == {
        same.pk: {"the same name", "the same e-mail address"},
        near.pk: {"agreed from the same internet address", "tried to add one of these wallets"},
    }
    page = _text(console_of(new_staff("eva", group="auditor")).get(f"/admin/accounts/customer/{ana.pk}/change/"))
    assert f"{same.pk} A•• S•••• PENDING the same name, the same e-mail address" in page


def test_the_home_page_says_what_needs_somebody_and_only_what_they_may_see() -> None:
    root, ana = new_staff(), applicant()
    place_hold(subject="asset:AAPL", owner="test", reason="a split is announced", now=timezone.now())
    propose(
        action="customer.set_tier",
        subject=f"customer:{ana.pk}",
        payload={"level": "2"},
        proposer=root,
        reason="slip",
        now=timezone.now(),
    )

    everything = _text(console_of(root).get("/admin/"))
    viewer = _text(console_of(new_staff("vera", group="viewer")).get("/admin/"))

    for words in (
        "a split is announced",
        "Follower's loops that turn 0 of 14",
        "Identity checks that wait 1",
        "by root",
    ):
        assert words in everything
    assert "a split is announced" in viewer
    assert not [words for words in ("Identity checks", "by root", "Audit log") if words in viewer.split("All lists")[0]]


def test_the_panel_knows_the_followers_loops() -> None:
    from agora.management.commands.follow import all_loops
    from agora.panels import LOOPS

    assert [loop.name for loop in all_loops()] == list(LOOPS)
