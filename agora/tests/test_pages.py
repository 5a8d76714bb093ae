"""The pages a customer and staff see, as a browser asks for them."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

import agora.urls  # noqa: F401 - registers the console's pages
from accounts.models import User
from accounts.services import place_hold, set_login
from agora.tests.rows import PASSWORD, new_asset, new_order, new_person, new_record, walk_to
from agora.tests.staff import console_of, new_staff
from agora.tests.tables import unchanged
from agora.tests.world import WALLETS, Person, World
from custody.models import CustodyRecord
from orders.models import Asset, Order
from reserves.models import Break, ReconciliationRun

pytestmark = pytest.mark.django_db(transaction=True)

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label_lower)


@pytest.fixture
def alice(transactional_db: None) -> Person:
    new_asset()
    return new_person("alice")


@pytest.fixture
def browser(alice: Person) -> Client:
    """Alice's, signed in, and refused without a CSRF token as a real one is."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice.user)
    return client


@pytest.fixture
def console(transactional_db: None) -> Client:
    return console_of(new_staff())


def _form(client: Client, url: str, **typed: str) -> dict[str, str]:
    """What a browser would post from that page: its hidden fields, and what a person types."""
    page = client.get(url).content.decode()
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {**{name: html.unescape(value) for name, value in hidden}, **typed}


def _text(response: Any) -> str:
    """The page's words, without tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


# --- Home and sign-in ------------------------------------------------------------------------------------------------
def test_a_visitor_is_shown_the_door(transactional_db: None) -> None:
    page = Client().get("/")

    assert page.status_code == 200
    assert "Sign in" in _text(page)
    assert "/buy/" not in page.content.decode()


def test_a_customer_is_shown_the_way_to_their_tokens(browser: Client) -> None:
    page = browser.get("/").content.decode()

    assert 'href="/dashboard/"' in page
    assert 'href="/buy/"' in page


def test_a_customer_who_is_not_approved_is_told_so(transactional_db: None) -> None:
    client = Client()
    client.force_login(new_person("una", is_approved=False).user)

    assert "tell us who you are, then you can buy" in _text(client.get("/dashboard/"))
    assert "tell us who you are, then you can buy" in _text(client.get("/buy/"))


def test_staff_without_a_customer_are_sent_to_the_console(console: Client) -> None:
    assert "This login has no customer. Staff work in the console." in _text(console.get("/dashboard/", follow=True))


def test_signing_in_leads_to_the_page_that_was_asked_for(alice: Person) -> None:
    set_login(username="alice", password=PASSWORD)
    client = Client(enforce_csrf_checks=True)
    asked = client.get("/orders/")
    assert (asked.status_code, asked["Location"]) == (302, "/sign-in/?next=/orders/")

    signed_in = client.post(
        asked["Location"], _form(client, asked["Location"], username="alice", password=PASSWORD), follow=True
    )

    assert signed_in.redirect_chain == [("/orders/", 302)]
    assert "Your orders" in _text(signed_in)


def test_a_wrong_password_is_refused_and_said(alice: Person) -> None:
    set_login(username="alice", password=PASSWORD)
    client = Client(enforce_csrf_checks=True)

    with unchanged():
        answer = client.post("/sign-in/", _form(client, "/sign-in/", username="alice", password="wrong"))

    assert "Please enter a correct username and password." in _text(answer)
    assert "sessionid" not in client.cookies


def test_signing_out_ends_the_session(browser: Client) -> None:
    left = browser.post("/sign-out/", _form(browser, "/"))

    assert (left.status_code, left["Location"]) == (302, "/")
    assert browser.get("/orders/").status_code == 302


@pytest.mark.parametrize("path", ["/buy/", "/orders/", "/orders/01890000-0000-7000-8000-000000000000/"])
def test_a_visitor_must_sign_in_first(transactional_db: None, path: str) -> None:
    answer = Client().get(path)

    assert (answer.status_code, answer["Location"]) == (302, f"/sign-in/?next={path}")


# --- Buying ----------------------------------------------------------------------------------------------------------
def test_buying_makes_one_order_and_leads_to_it(browser: Client, alice: Person) -> None:
    answer = browser.post("/buy/", _form(browser, "/buy/", quantity="0.25", step="place"))

    order = Order.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/orders/{order.pk}/")
    assert (order.customer, order.quantity, order.recipient) == (alice.customer, Decimal("0.25"), WALLETS[0])
    assert order.client_order_id.startswith("web-")


def test_pressing_buy_twice_is_one_order(browser: Client) -> None:
    form = _form(browser, "/buy/", quantity="0.25", step="place")

    answers = [browser.post("/buy/", form) for _ in range(2)]

    assert [answer["Location"] for answer in answers] == [f"/orders/{Order.objects.get().pk}/"] * 2


def test_opening_the_page_again_is_another_order(browser: Client) -> None:
    for _ in range(2):
        browser.post("/buy/", _form(browser, "/buy/", quantity="0.25", step="place"))

    assert Order.objects.count() == 2


def test_a_form_without_its_csrf_token_buys_nothing(browser: Client) -> None:
    form = _form(browser, "/buy/", quantity="0.25", step="place", csrfmiddlewaretoken="")

    with unchanged():
        assert browser.post("/buy/", form).status_code == 403


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"quantity": "0.001"}, "Order at least 0.01 AAPL."),
        ({"quantity": "1001"}, "Order at most 1,000 AAPL at once."),
        ({"quantity": "0"}, "Order at least 0.01 AAPL."),
        ({"quantity": "-1"}, "Order at least 0.01 AAPL."),
        ({"quantity": ""}, "This field is required."),
        ({"quantity": "NaN"}, "Enter a number."),
        ({"quantity": "1e30"}, "Enter a number."),
        ({"quantity": "1" * 30}, "Ensure that there are no more than 18 digits in total."),
        ({"quantity": "0.0123456789"}, "Ensure that there are no more than 9 decimal places."),
        ({"quantity": "1", "asset": "MSFT"}, "MSFT is not one of the available choices."),
    ],
    ids=str,
)
def test_what_cannot_be_bought_is_said_on_the_form(browser: Client, typed: dict[str, str], said: str) -> None:
    form = _form(browser, "/buy/", **typed)

    with unchanged():
        answers = [browser.post("/buy/", {**form, "step": step}) for step in ("review", "place")]

    assert _text(answers[0]) == _text(answers[1])
    answer = answers[0]

    assert answer.status_code == 200
    assert said in _text(answer)
    assert f'value="{form["client_order_id"]}"' in answer.content.decode()  # corrected, it is still one order


def test_a_corrected_form_buys_once(browser: Client) -> None:
    form = _form(browser, "/buy/", quantity="0.001", step="place")
    browser.post("/buy/", form)

    browser.post("/buy/", {**form, "quantity": "0.01"})

    assert Order.objects.get().quantity == Decimal("0.01")


def test_a_customer_on_hold_is_told_without_the_reason(browser: Client, alice: Person) -> None:
    place_hold(subject=f"customer:{alice.customer.pk}", owner="test", reason="a secret", now=timezone.now())

    form = _form(browser, "/buy/", quantity="1", step="place")

    with unchanged():
        answer = browser.post("/buy/", form)

    assert "We have paused this for now." in _text(answer)
    assert "secret" not in _text(answer)


def test_an_asset_that_is_paused_is_not_offered(browser: Client) -> None:
    Asset.objects.update(is_tradable=False)

    assert "AAPL" not in _text(browser.get("/buy/"))


def test_a_customer_without_a_wallet_is_told_to_add_one(transactional_db: None) -> None:
    client = Client()
    client.force_login(new_person("carol", wallet="").user)

    assert "You have no wallet yet." in _text(client.get("/buy/"))


@pytest.mark.parametrize("path", ["/buy/", "/orders/", "/orders/01890000-0000-7000-8000-000000000000/"])
def test_staff_without_a_customer_get_an_answer_on_a_customers_page(console: Client, path: str) -> None:
    console.raise_request_exception = False

    assert console.get(path).status_code in (302, 403, 404)


# --- Orders ----------------------------------------------------------------------------------------------------------
def test_a_customer_without_orders_is_told_where_to_begin(browser: Client) -> None:
    assert "You have not ordered anything yet. Buy your first share" in _text(browser.get("/orders/"))


def test_a_customer_sees_their_own_orders_only(browser: Client, alice: Person) -> None:
    mine, theirs = new_order(customer=alice.customer, quantity=Decimal(100)), new_order(quantity=Decimal(77))

    page = browser.get("/orders/")

    assert f"/orders/{mine.pk}/" in page.content.decode()
    assert str(theirs.pk) not in page.content.decode()
    assert re.search(r"100 AAPL \d+ \w+ \d+, \d\d:\d\d Pending", _text(page))


@pytest.mark.parametrize(
    ("status", "done", "sentence"),
    [
        ("PENDING", 1, "We have your order and are about to send it to the broker."),
        ("PARTIALLY_FILLED", 1, "The broker has filled a part of your order."),
        ("FILLED", 2, "We are waiting for the custodian"),
        ("CUSTODY_CONFIRMED", 3, "Your tokens are being minted."),
        ("MINT_CONFIRMED", 4, "Your tokens are in your wallet."),
        ("SETTLED", 4, "Your tokens are in your wallet, and settled."),
        ("REJECTED", 1, "The broker rejected your order: market closed"),
    ],
)
def test_an_order_shows_its_four_steps_and_what_is_happening(
    browser: Client, alice: Person, status: str, done: int, sentence: str
) -> None:
    order = walk_to(new_order(customer=alice.customer, reason="market closed"), status)
    Order.objects.update(updated_at=timezone.now())

    page = browser.get(f"/orders/{order.pk}/")

    assert sentence in _text(page)
    steps = re.findall(r'<li class="(done|next|)".*?<b>([^<]+)</b>', page.content.decode(), re.DOTALL)
    if status == "REJECTED":
        assert not steps
        assert "Rejected" in _text(page)
    else:
        assert [name for _, name in steps] == ["Pending", "Filled", "In custody", "Minted"]
        assert [mark for mark, _ in steps] == ([*["done"] * done, "next", "", "", ""])[:4]
    is_live = status not in ("SETTLED", "REJECTED")
    assert ('http-equiv="refresh"' in page.content.decode()) is is_live


@pytest.mark.parametrize("status", ["PENDING", "SUBMITTING", "FILLED", "CUSTODY_CONFIRMED"])
def test_a_step_that_takes_long_says_that_nothing_is_lost(browser: Client, alice: Person, status: str) -> None:
    order = walk_to(new_order(customer=alice.customer), status)
    Order.objects.update(updated_at=timezone.now() - timedelta(minutes=5))

    text = _text(browser.get(f"/orders/{order.pk}/"))

    assert re.search("nothing is lost|nothing is bought twice|Your order is kept", text)


def test_the_changing_part_is_sent_once_and_then_only_when_it_changed(browser: Client, alice: Person) -> None:
    order = new_order(customer=alice.customer)
    url = f"/orders/{order.pk}/progress/"

    first = browser.get(url)
    same = browser.get(url, headers={"If-None-Match": first["ETag"]})
    walk_to(order, "FILLED")
    changed = browser.get(url, headers={"If-None-Match": first["ETag"]})

    assert (first.status_code, first["X-Live"]) == (200, "1")
    assert (same.status_code, same.content) == (304, b"")
    assert changed.status_code == 200
    assert "Filled" in _text(changed)


def test_a_held_order_says_so_without_the_reason(browser: Client, alice: Person) -> None:
    order = new_order(customer=alice.customer)
    place_hold(subject=f"order:{order.pk}", owner="test", reason="a secret", now=timezone.now())

    text = _text(browser.get(f"/orders/{order.pk}/"))

    assert "We have paused this order to check it." in text
    assert "secret" not in text


def test_an_order_is_cancelled_while_the_broker_has_not_filled_it(browser: Client, alice: Person) -> None:
    order = new_order(customer=alice.customer)
    path = f"/orders/{order.pk}/"
    assert "Cancel this order" in _text(browser.get(path))

    answer = browser.post(f"{path}cancel/", _form(browser, path))

    order.refresh_from_db()
    assert (answer.status_code, answer["Location"], order.status) == (302, path, "CANCELLED")
    assert "Cancel this order" not in _text(browser.get(path))


def test_a_filled_order_cannot_be_cancelled_and_says_so(browser: Client, alice: Person) -> None:
    order = walk_to(new_order(customer=alice.customer), "FILLED")
    form = _form(browser, f"/orders/{order.pk}/")

    with unchanged():
        answer = browser.post(f"/orders/{order.pk}/cancel/", form)

    assert answer.status_code == 409
    assert "It is FILLED." in _text(answer)


def test_a_strangers_order_cannot_be_cancelled(browser: Client) -> None:
    order = new_order()

    with unchanged():
        assert browser.post(f"/orders/{order.pk}/cancel/", _form(browser, "/orders/")).status_code == 404


def test_a_strangers_order_is_not_there(browser: Client) -> None:
    order = new_order()

    with unchanged():
        assert browser.get(f"/orders/{order.pk}/").status_code == 404


def test_a_settled_order_shows_where_its_shares_and_tokens_are(world: World) -> None:
    order = world.until_settled(world.place("0.25"))
    client = Client()
    client.force_login(world.alice.user)

    text = _text(client.get(f"/orders/{order.pk}/"))

    assert "0.25 AAPL-RAT" in text
    for evidence in (order.broker_order_id, order.custody_reference, order.mint_tx_hash, world.alice.wallet):
        assert evidence in text


# --- Reserves --------------------------------------------------------------------------------------------------------
def test_the_reserves_page_is_open_to_everyone_and_empty_at_first(transactional_db: None) -> None:
    assert "Nothing has been compared yet" in _text(Client().get("/reserves/"))


def test_the_reserves_page_shows_the_last_comparison_and_its_differences(alice: Person) -> None:
    now, asset = timezone.now(), Asset.objects.get()
    books = {"filled": 3, "in_custody": 3, "vault_balance": 3, "minted": 2, "supply": 2}
    ReconciliationRun.objects.create(asset=asset, as_of=now, block_number=77, **books)
    page = _text(Client().get("/reserves/"))
    assert re.search(r"150\.00 % .* Shares in custody 3 Tokens on the chain 2 .* block 77 .* yes", page)

    Break.objects.create(asset=asset, kind="VAULT_SHORT", quantity=1, opened_at=now, seen_at=now)

    assert "agree? the custodian's balance is below our records" in _text(Client().get("/reserves/"))


# --- The console -----------------------------------------------------------------------------------------------------
def _list(model: Any) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


@pytest.mark.parametrize("path", ["/admin/", "/admin/orders/order/", "/admin/custody/custodyrecord/"])
def test_a_visitor_and_a_customer_are_kept_out_of_the_console(browser: Client, path: str) -> None:
    for client in (Client(), browser):
        answer = client.get(path)
        assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next={path}")


def test_staff_see_every_list_and_every_row_and_search(console: Client, world: World) -> None:
    world.until_settled(world.place())

    assert len(MODELS) >= 20
    for model in MODELS:
        for query in ("", "?q=nothing", "?q=01890000-0000-7000-8000-000000000000"):
            assert console.get(_list(model) + query).status_code == 200, (model, query)
        row = model._default_manager.first()
        if row is not None and model._meta.label != "django_q.OrmQ":
            assert console.get(f"{_list(model)}{row.pk}/change/").status_code == 200, model


def test_the_console_offers_no_way_to_change_an_order(console: Client) -> None:
    order = new_order()

    with unchanged():
        assert console.get(f"{_list(Order)}add/").status_code == 403
        assert console.post(f"{_list(Order)}{order.pk}/change/", {"status": "SETTLED"}).status_code == 403
        assert console.post(f"{_list(Order)}{order.pk}/delete/", {"post": "yes"}).status_code == 403


def test_an_api_token_is_never_shown(console: Client, alice: Person) -> None:
    token = alice.user.api_tokens.get()

    page = console.get(f"/admin/accounts/apitoken/{token.pk}/change/").content.decode()

    assert token.prefix in page
    assert token.digest not in page
    assert alice.token not in page


def test_staff_try_a_failed_transfer_again_after_a_reason(console: Client) -> None:
    record = walk_to(new_record(), "FAILED")
    page = f"{_list(CustodyRecord)}{record.pk}/act/retry/"

    with unchanged():
        asked = console.get(page)
    assert "1.000000000 shares are asked for in a new transaction" in _text(asked)
    with unchanged():
        blank = console.post(page, {"seen": record.version, "reason": "  "})
    assert "This field is required." in _text(blank)

    done = console.post(page, {"seen": record.version, "reason": "they asked for it"}, follow=True)

    assert f"Try the transfer again: done. custody record {record.pk}." in _text(done)
    again = CustodyRecord.objects.get()
    event = again.events.last()
    assert (again.status, again.attempt, again.external_tx_id != record.external_tx_id) == ("PENDING", 2, True)
    assert (event.to_status, event.reason) == ("PENDING", "they asked for it")
    assert event.actor == f"staff:{User.objects.get(username='root').pk}"


def test_a_transfer_that_did_not_fail_is_not_tried_again(console: Client) -> None:
    record = walk_to(new_record(), "COMPLETED")

    with unchanged():
        answer = console.post(
            f"{_list(CustodyRecord)}{record.pk}/act/retry/", {"seen": record.version, "reason": "why not"}
        )

    assert "This record is COMPLETED." in _text(answer)


def test_staff_who_may_only_look_are_not_offered_the_action(transactional_db: None) -> None:
    record = walk_to(new_record(), "FAILED")
    client = console_of(new_staff("viewer", group="viewer"))
    page = f"{_list(CustodyRecord)}{record.pk}"

    assert "act/retry" not in client.get(f"{page}/change/").content.decode()
    with unchanged():
        answer = client.post(f"{page}/act/retry/", {"seen": record.version, "reason": "why not"})
    assert answer.status_code == 403
