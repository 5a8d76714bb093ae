"""A customer's page of API keys."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.models import ApiToken
from agora.tests.rows import new_asset, new_person
from agora.tests.tables import unchanged
from agora.tests.world import Person

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/profile/keys/"
ASKED = {"name": "bookkeeping", "scopes": ["orders:read", "balance:read"], "days": "30", "networks": "203.0.113.0/24"}


@pytest.fixture
def alice(transactional_db: None) -> Person:
    new_asset()
    return new_person("alice")


@pytest.fixture
def browser(alice: Person) -> Client:
    client = Client()
    client.force_login(alice.user)
    return client


def test_a_key_is_shown_once_and_works_within_its_scopes(browser: Client) -> None:
    page = browser.post(URL, ASKED).content.decode()

    (key,) = re.findall(r"agora_test_[\w-]{40,}", page)
    assert key not in browser.get(URL).content.decode()
    program = Client(headers={"Authorization": f"Bearer {key}"}, REMOTE_ADDR="203.0.113.9")
    assert program.get("/api/v1/orders").status_code == 200
    assert program.get("/api/v1/webhook-endpoints").json()["code"] == "insufficient_scope"
    assert (
        Client(headers={"Authorization": f"Bearer {key}"}).get("/api/v1/orders").json()["code"] == "address_not_allowed"
    )


def test_an_ended_key_is_refused(browser: Client, alice: Person) -> None:
    token = ApiToken.objects.get()

    answer = browser.post(f"{URL}{token.pk}/revoke/")

    assert (answer.status_code, answer["Location"]) == (302, URL)
    assert Client(headers={"Authorization": f"Bearer {alice.token}"}).get("/api/v1/orders").status_code == 401


def test_a_strangers_key_stays(browser: Client) -> None:
    bob = new_person("bob", wallet="")
    theirs = ApiToken.objects.get(user=bob.user)

    with unchanged():
        browser.post(f"{URL}{theirs.pk}/revoke/")


@pytest.mark.parametrize(
    "typed",
    [{"name": ""}, {"scopes": []}, {"scopes": ["everything"]}, {"days": "9999"}, {"networks": "not a network"}],
    ids=str,
)
def test_what_makes_no_key_is_said_and_nothing_is_made(browser: Client, typed: dict[str, object]) -> None:
    with unchanged():
        answer = browser.post(URL, {**ASKED, **typed})

    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
