"""A customer's copy of their data: all of it, theirs alone, after a fresh sign-in, and on record."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone
from eth_account import Account

from accounts.errors import SignInAgain
from accounts.models import Customer, DataExport, User
from accounts.services import (
    approve_customer,
    create_endpoint,
    issue_api_token,
    place_hold,
    request_deletion,
    set_tier,
)
from accounts.tests.people import CPF, Browser, apply, browser
from agora.lib.recent import PROVEN_AT
from agora.tests.tables import unchanged
from agora.tests.world import Person, World
from minting.receipts import check_receipt
from minting.services import export_data

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/profile/export.json"


def signed_in(world: World) -> tuple[Browser, Person]:
    """A visitor by wallet, approved, who told us who they are."""
    visitor = browser(Account.create())
    assert visitor.sign_in().status_code == 200
    user = User.objects.get(pk=visitor.user_id)
    apply(user.customer)
    Customer.objects.filter(pk=user.customer.pk).update(email_confirmed_at=timezone.now())
    approve_customer(customer=user.customer, actor="staff:1", reason="staff's own words", now=timezone.now())
    set_tier(customer=user.customer, level=9)
    user.customer.refresh_from_db()
    return visitor, Person(user, user.customer, visitor.wallet.address, "")


def test_the_export_has_what_we_keep_and_each_orders_receipt(world: World) -> None:
    visitor, person = signed_in(world)
    order = world.until_settled(world.place(person=person, client_order_id="mine-1"))
    issue_api_token(user=person.user, name="laptop", now=timezone.now())
    create_endpoint(customer=person.customer, url="http://localhost/hook", now=timezone.now())
    request_deletion(customer=person.customer, reason="moving", now=timezone.now())

    answer = visitor.client.get(URL)

    assert answer.status_code == 200
    assert answer["Content-Disposition"] == 'attachment; filename="agora-data.json"'
    assert "no-store" in answer["Cache-Control"]
    export = json.loads(answer.content)
    assert (export["format"], export["version"]) == ("agora-data-export", 1)
    assert export["profile"]["full_name"] == "Ana Souza"
    assert export["profile"]["email"] == "ana@example.com"
    assert export["profile"]["tax_id"] == CPF.replace(".", "").replace("-", "")
    assert [step["to_status"] for step in export["identity_check"]["steps"]] == ["PENDING", "APPROVED"]
    assert [wallet["address"] for wallet in export["wallets"]] == [person.wallet]
    assert {consent["kind"] for consent in export["consents"]} == {"PRIVACY", "RIGHTS"}
    assert all(hashlib.sha256(c["text"].encode()).hexdigest() == c["sha256"] for c in export["consents"])
    assert [use["kind"] for use in export["limit_uses"]] == ["RESERVE"]
    assert [token["name"] for token in export["api_tokens"]] == ["laptop"]
    assert [endpoint["url"] for endpoint in export["webhook_endpoints"]] == ["http://localhost/hook"]
    assert [asked["reason"] for asked in export["deletion_requests"]] == ["moving"]
    assert len(export["login"]["wallet_proofs_of_the_last_days"]) == 1
    assert [entry["client_order_id"] for entry in export["orders"]] == ["mine-1"]
    receipt = export["orders"][0]["receipt"]
    assert receipt["order"]["content"]["id"] == str(order.pk)
    assert all(check.holds for check in check_receipt(receipt))


def test_the_export_has_nobody_elses_data_and_no_secret(world: World) -> None:
    visitor, person = signed_in(world)
    world.place(person=world.bob, client_order_id="bobs")
    token = issue_api_token(user=person.user, name="laptop", now=timezone.now())
    place_hold(subject=f"customer:{person.customer.pk}", owner="aml", reason="suspicion", now=timezone.now())

    text = visitor.client.get(URL).content.decode()

    others = (world.bob.wallet, str(world.bob.customer.pk), "bobs", "suspicion", "staff's own words")
    secrets = (token, hashlib.sha256(token.encode()).hexdigest(), person.customer.tax_id_sealed, "password")
    for absent in (*others, *secrets, str(person.customer.tax_id_index)):
        assert absent not in text


def test_each_export_leaves_a_row_that_cannot_be_changed(world: World) -> None:
    visitor, person = signed_in(world)

    first = visitor.client.get(URL).content
    second = json.loads(visitor.client.get(URL).content)

    row = DataExport.objects.order_by("pk").first()
    assert row is not None
    assert (row.customer_id, row.actor) == (person.customer.pk, f"customer:{person.customer.pk}")
    assert (row.sha256, row.size_bytes) == (hashlib.sha256(first).hexdigest(), len(first))
    assert [entry["sha256"] for entry in second["earlier_exports"]] == [row.sha256]
    for statement in ("DELETE FROM accounts_dataexport", "UPDATE accounts_dataexport SET sha256 = repeat('0', 64)"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_an_old_sign_in_is_not_enough(world: World) -> None:
    visitor, person = signed_in(world)
    now = timezone.now()

    with unchanged():
        for ago in (None, now - timedelta(minutes=16), now + timedelta(minutes=5)):
            with pytest.raises(SignInAgain):
                export_data(user=person.user, signed_in_at=ago, now=now)
    session = visitor.client.session
    session[PROVEN_AT] = int((now - timedelta(minutes=16)).timestamp())
    session.save()
    answer = visitor.client.get(URL)
    assert answer.status_code == 403
    assert "Sign out and in again" in answer.content.decode()
    assert not DataExport.objects.exists()

    visitor.client.post("/sign-out/")
    visitor.sign_in()
    assert visitor.client.get(URL).status_code == 200


def test_a_session_does_not_become_fresh_by_another_ones_sign_in(world: World) -> None:
    visitor, _ = signed_in(world)
    session = visitor.client.session
    session[PROVEN_AT] = 0
    session.save()

    elsewhere = Browser(Client(), visitor.wallet)
    elsewhere.sign_in()

    assert elsewhere.client.get(URL).status_code == 200
    assert visitor.client.get(URL).status_code == 403


def test_who_is_not_signed_in_or_no_customer_gets_nothing(world: World) -> None:
    staff = Client()
    User.objects.create_superuser("boss", password="a long pass phrase")
    staff.post("/sign-in/", {"username": "boss", "password": "a long pass phrase"})

    with unchanged():
        assert Client().get(URL).status_code == 302
        assert Client().post(URL).status_code == 405
        answer: Any = staff.get(URL)
    assert answer.status_code == 403


def test_somebody_without_a_tax_id_or_an_order_gets_an_export_too(world: World) -> None:
    visitor = browser()
    visitor.sign_in()

    export = json.loads(visitor.client.get(URL).content)

    assert (export["profile"]["tax_id"], export["orders"], export["consents"]) == ("", [], [])
