"""Every page, for everyone who may open it, in every language: answers, and keeps to the strict policy."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.services import publish_disclosures
from accounts.tests.people import applicant, apply, newcomer
from agora.tests.rows import new_asset, new_order, new_person, walk_to

pytestmark = pytest.mark.django_db(transaction=True)

PUBLIC = ["/", "/sign-in/", "/what-you-own/", "/reserves/", "/confirm-email/nonsense/"]
OWN = ["/dashboard/", "/buy/", "/orders/", "/profile/", "/profile/keys/", "/onboarding/"]
LANGUAGES = [code for code, _ in settings.LANGUAGES]


class _Inline(HTMLParser):
    """Collects what the Content-Security-Policy would block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "script" and "src" not in named and named.get("type") != "application/json":
            self.found.append("inline script")
        if tag == "style" or "style" in named:
            self.found.append(f"inline style on {tag}")
        self.found += [f"{name} on {tag}" for name in named if name.startswith("on")]


def visitor(kind: str) -> Client:
    client = Client()
    new_asset()
    publish_disclosures(now=timezone.now())
    if kind == "newcomer":
        client.force_login(newcomer().user)
    elif kind == "unconfirmed":
        client.force_login(apply(newcomer()).user)
    elif kind == "applicant":
        client.force_login(applicant().user)
    elif kind == "customer":
        person = new_person("alice")
        client.force_login(person.user)
        for status in ("PENDING", "FILLED", "SETTLED", "REJECTED"):
            walk_to(new_order(customer=person.customer), status)
    elif kind == "without a wallet":
        client.force_login(new_person("carol", wallet="").user)
    return client


@pytest.mark.parametrize("kind", ["stranger", "newcomer", "unconfirmed", "applicant", "customer", "without a wallet"])
def test_each_page_answers_in_each_language_and_keeps_to_the_policy(kind: str) -> None:
    client = visitor(kind)
    for path in [*PUBLIC, *([] if kind == "stranger" else OWN)]:
        for language in LANGUAGES:
            page = client.get(path, headers={"Accept-Language": language})

            text = page.content.decode()
            assert page.status_code == 200, (path, language)
            assert f'<html lang="{language}">' in text, path
            assert len(re.findall("<h1", text)) == 1, path
            inline = _Inline()
            inline.feed(text)
            assert inline.found == [], path
            assert "script-src 'self'" in page["Content-Security-Policy"]
            assert "'unsafe" not in page["Content-Security-Policy"]


def test_each_order_shows_its_page(transactional_db: None) -> None:
    client = visitor("customer")
    orders = set(re.findall(r'href="(/orders/[0-9a-f-]{36}/)"', client.get("/orders/").content.decode()))

    assert len(orders) == 4
    for path in orders:
        for language in LANGUAGES:
            assert client.get(path, headers={"Accept-Language": language}).status_code == 200


def test_a_language_chosen_stays(transactional_db: None) -> None:
    client = Client(headers={"Accept-Language": "en"})

    client.post("/language/", {"language": "es"})

    assert '<html lang="es">' in client.get("/").content.decode()


def test_times_are_shown_where_the_customer_lives(transactional_db: None) -> None:
    client = visitor("stranger")
    person = new_person("dora")
    order = new_order(customer=person.customer)
    client.force_login(person.user)

    page = client.get(f"/orders/{order.pk}/").content.decode()

    local = timezone.localtime(order.created_at, timezone=ZoneInfo("America/Sao_Paulo"))
    assert f">{local:%H:%M:%S}</time>" in page
    assert order.created_at.isoformat() in page
