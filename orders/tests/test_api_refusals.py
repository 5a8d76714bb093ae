"""What the orders API refuses, how it says so, and that it then wrote nothing. Each case is a row of a table."""

from __future__ import annotations

import dataclasses
import json
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
from django.test import Client
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from accounts.models import ApiToken, User
from accounts.selectors import token_digest
from accounts.services import issue_api_token, place_hold
from agora.tests.rows import new_asset, new_person
from agora.tests.shared import shared_database
from agora.tests.tables import fingerprint, unchanged
from agora.tests.world import WALLETS, Person
from orders.services import place_order

ORDERS = "/api/v1/orders"
INSIDES = re.compile(r"Traceback|Exception|<class|\.py\b|[Dd]jango|rest_framework|psycopg|\bsys\.|\bDecimal\b")
MORE_WALLETS = (
    "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
    "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65",
    "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc",
)


@dataclasses.dataclass
class Desk:
    """An installation that takes orders, shared by this file's tests: each proves that it left it as it was."""

    url: str
    alice: Person
    bob: Person
    unapproved: Person
    held: Person
    tokens: dict[str, str]  # by what is wrong with them
    bobs_order: uuid.UUID

    def body(self, **fields: Any) -> dict[str, Any]:
        ours = {"asset": "AAPL", "quantity": "0.25", "recipient_wallet": self.alice.wallet, "client_order_id": "a"}
        return {**ours, **fields}


@pytest.fixture(scope="module")
def desk(django_db_setup: None, django_db_blocker: Any) -> Iterator[Desk]:
    with shared_database(django_db_blocker):
        server = LiveServer("localhost")
        try:
            yield _furnish(server.url)
        finally:
            server.stop()


def _furnish(url: str) -> Desk:
    now = timezone.now()
    for symbol in ("AAPL", "HELD", "SHUT"):
        new_asset(symbol)
    type(new_asset("SHUT")).objects.filter(symbol="SHUT").update(is_tradable=False)
    alice, bob = new_person("alice"), new_person("bob", wallet=WALLETS[1])
    unapproved = new_person("una", wallet=MORE_WALLETS[0], is_approved=False)
    held = new_person("hal", wallet=MORE_WALLETS[1])
    place_hold(subject=f"customer:{held.customer.pk}", owner="test", reason="a secret reason", now=now)
    place_hold(subject="asset:HELD", owner="test", reason="a secret reason", now=now)
    expired = issue_api_token(user=alice.user, name="old", now=now, expires_at=now - timedelta(seconds=1))
    revoked = issue_api_token(user=alice.user, name="lost", now=now)
    ApiToken.objects.filter(digest=token_digest(revoked)).update(revoked_at=now)
    gone = new_person("gone", wallet=MORE_WALLETS[2])
    User.objects.filter(pk=gone.user.pk).update(is_active=False)
    staff = User.objects.create_user("staff", is_staff=True)
    order, _ = place_order(
        customer=bob.customer, symbol="AAPL", quantity=Decimal(1), recipient=bob.wallet, client_order_id="b", now=now
    )
    tokens = {
        "expired": expired,
        "revoked": revoked,
        "inactive": gone.token,
        "staff": issue_api_token(user=staff, name="test", now=now),
    }
    return Desk(url, alice, bob, unapproved, held, tokens, order.pk)


def _send(
    desk: Desk,
    *,
    method: str = "POST",
    path: str = ORDERS,
    data: str | bytes = "",
    token: str | None = None,
    **more: Any,
) -> Any:
    headers = {"Authorization": f"Bearer {desk.alice.token if token is None else token}", **more.pop("headers", {})}
    client = Client(raise_request_exception=False)  # what a caller sees
    content_type = more.pop("content_type", "application/json")
    return client.generic(method, path, data, content_type=content_type, headers=headers, **more)


def _refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The answer is that problem, in the form that every problem has, and says nothing of our insides."""
    text = answer.content.decode()
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), text
    problem: dict[str, Any] = json.loads(text)
    assert (problem["status"], problem["code"], problem["type"]) == (status, code, f"/problems/{code}")
    assert problem["title"].strip()
    assert problem["detail"].strip()
    assert INSIDES.search(text) is None, text
    assert "secret" not in text
    return problem


# --- The quantity ----------------------------------------------------------------------------------------------------
INVALID_QUANTITIES = {  # the JSON as it is sent → the field's code
    "0": "not_positive",
    '"0"': "not_positive",
    "0.0": "not_positive",
    "-0": "not_positive",
    '"-1"': "not_positive",
    "-1": "not_positive",
    "0.1234567891": "too_precise",
    '"0.1234567891"': "too_precise",
    "1e-10": "too_precise",
    "0.10000000000000001": "too_precise",  # as a float it would be 0.1
    "1e30": "too_large",
    '"1e30"': "too_large",
    "1e999": "too_large",
    "1" * 19: "too_large",
    '"' + "1" * 1001 + '"': "too_large",
    '"NaN"': "invalid",
    '"sNaN"': "invalid",
    '"Infinity"': "invalid",
    '"-Infinity"': "invalid",
    "true": "invalid",
    "false": "invalid",
    "null": "missing",
    '""': "invalid",
    '"a quarter"': "invalid",
    '"0,25"': "invalid",
    "[0.25]": "invalid",
    '{"value": 0.25}': "invalid",
}


@pytest.mark.parametrize(("quantity", "code"), INVALID_QUANTITIES.items(), ids=lambda value: value[:24])
def test_a_quantity_that_is_not_a_positive_number_of_shares_is_refused(desk: Desk, quantity: str, code: str) -> None:
    body = json.dumps(desk.body(quantity="@")).replace('"@"', quantity)

    with unchanged():
        answer = _send(desk, data=body)

    problem = _refused(answer, 400, "invalid_request")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("/quantity", code)]


@pytest.mark.parametrize("quantity", ['"1_000"', '"１"', '"٠.٢٥"'])
def test_a_quantity_in_another_notation_than_json_s_is_refused(desk: Desk, quantity: str) -> None:
    body = json.dumps(desk.body(quantity="@", recipient_wallet=WALLETS[1])).replace('"@"', quantity)

    answer = _send(desk, data=body)

    _refused(answer, 400, "invalid_request")


@pytest.mark.parametrize(
    ("quantity", "status", "code"),
    [
        ("0.001", 422, "quantity_too_small"),
        ("0.009999999", 422, "quantity_too_small"),
        ("1001", 422, "quantity_too_large"),
        ("1000.000000001", 422, "quantity_too_large"),
        ("999999999", 422, "quantity_too_large"),
    ],
)
def test_a_quantity_outside_the_assets_limits_is_refused(desk: Desk, quantity: str, status: int, code: str) -> None:
    with unchanged():
        answer = _send(desk, data=json.dumps(desk.body(quantity=quantity)))

    problem = _refused(answer, status, code)
    assert "AAPL" in problem["detail"]


# --- The other fields ------------------------------------------------------------------------------------------------
INVALID_FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"asset": None}, "/asset", "missing"),
    ({"asset": ""}, "/asset", "missing"),
    ({"asset": "A" * 13}, "/asset", "too_long"),
    ({"asset": ["AAPL"]}, "/asset", "invalid"),
    ({"asset": True}, "/asset", "invalid"),
    ({"recipient_wallet": None}, "/recipient_wallet", "missing"),
    ({"recipient_wallet": ""}, "/recipient_wallet", "missing"),
    ({"recipient_wallet": WALLETS[0] + "0"}, "/recipient_wallet", "too_long"),
    ({"recipient_wallet": {"address": WALLETS[0]}}, "/recipient_wallet", "invalid"),
    ({"client_order_id": ""}, "/client_order_id", "missing"),
    ({"client_order_id": None}, "/client_order_id", "missing"),
    ({"client_order_id": "x" * 65}, "/client_order_id", "too_long"),
    ({"client_order_id": "two words"}, "/client_order_id", "invalid"),
    ({"client_order_id": "naïve"}, "/client_order_id", "invalid"),
    ({"client_order_id": True}, "/client_order_id", "invalid"),
    ({"qty": "0.25"}, "/qty", "unknown_field"),
    ({"status": "SETTLED"}, "/status", "unknown_field"),
]


@pytest.mark.parametrize(("fields", "pointer", "code"), INVALID_FIELDS, ids=lambda value: str(value)[:40])
def test_a_field_of_the_wrong_shape_is_named(desk: Desk, fields: dict[str, Any], pointer: str, code: str) -> None:
    with unchanged():
        answer = _send(desk, data=json.dumps(desk.body(**fields)))

    problem = _refused(answer, 400, "invalid_request")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [(pointer, code)]


@pytest.mark.parametrize(
    ("field", "value"),
    [(name, text) for name in ("asset", "recipient_wallet", "client_order_id") for text in ("a\0b", "\ud800")],
    ids=lambda value: ascii(value),
)
def test_text_that_no_database_can_keep_is_refused(desk: Desk, field: str, value: str) -> None:
    with unchanged():
        answer = _send(desk, data=json.dumps(desk.body(**{field: value})))

    assert {error["pointer"] for error in _refused(answer, 400, "invalid_request")["errors"]} == {f"/{field}"}


@pytest.mark.parametrize("field", ["asset", "quantity", "recipient_wallet"])
def test_a_missing_field_is_named(desk: Desk, field: str) -> None:
    body = {name: value for name, value in desk.body().items() if name != field}

    with unchanged():
        answer = _send(desk, data=json.dumps(body))

    errors = _refused(answer, 400, "invalid_request")["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [(f"/{field}", "missing")]


def test_all_faults_are_named_at_once(desk: Desk) -> None:
    with unchanged():
        answer = _send(desk, data=json.dumps({"quantity": "-1", "asset": ""}))

    errors = _refused(answer, 400, "invalid_request")["errors"]
    assert {error["pointer"] for error in errors} == {"/asset", "/quantity", "/recipient_wallet"}


WRONG_WALLETS = {
    "wrong checksum": ("0x70997970C51812dc3A010C7d01b50e0d17dc79c8", 400, "wallet_checksum_invalid"),
    "all lower case": (WALLETS[0].lower(), 400, "wallet_checksum_invalid"),
    "all upper case": ("0x" + WALLETS[0][2:].upper(), 400, "wallet_checksum_invalid"),
    "no 0x": (WALLETS[0][2:], 400, "wallet_checksum_invalid"),
    "one digit short": (WALLETS[0][:-1], 400, "wallet_checksum_invalid"),
    "not hexadecimal": ("0x" + "z" * 40, 400, "wallet_checksum_invalid"),
    "a number": (12345, 400, "wallet_checksum_invalid"),
    "somebody else's": (WALLETS[1], 422, "wallet_not_registered"),
    "nobody's": ("0x976EA74026E726554dB657fA54763abd0C3a0aa9", 422, "wallet_not_registered"),
    "the zero address": ("0x" + "0" * 40, 422, "wallet_not_registered"),
}


@pytest.mark.parametrize(("wallet", "status", "code"), WRONG_WALLETS.values(), ids=WRONG_WALLETS)
def test_a_wallet_that_is_not_theirs_in_eip_55_form_is_refused(desk: Desk, wallet: Any, status: int, code: str) -> None:
    with unchanged():
        answer = _send(desk, data=json.dumps(desk.body(recipient_wallet=wallet)))

    _refused(answer, status, code)


@pytest.mark.parametrize(
    ("asset", "status", "code"),
    [
        ("MSFT", 422, "unknown_asset"),
        ("aapl", 422, "unknown_asset"),
        ("SHUT", 422, "asset_not_tradable"),
        ("HELD", 403, "on_hold"),
    ],
)
def test_an_asset_that_cannot_be_bought_is_refused(desk: Desk, asset: str, status: int, code: str) -> None:
    with unchanged():
        answer = _send(desk, data=json.dumps(desk.body(asset=asset)))

    _refused(answer, status, code)


# --- The body --------------------------------------------------------------------------------------------------------
BROKEN_BODIES = {
    "not json": b"quantity=0.25",
    "cut in half": b'{"asset": "AAPL", "quan',
    "bare NaN": b'{"asset": "AAPL", "quantity": NaN, "recipient_wallet": "x"}',
    "bare Infinity": b'{"asset": "AAPL", "quantity": Infinity, "recipient_wallet": "x"}',
    "bare -Infinity": b'{"asset": "AAPL", "quantity": -Infinity, "recipient_wallet": "x"}',
    "not utf-8": b'{"asset": "\xff"}',
    "two bodies": b"{}{}",
    "ten thousand lists deep": b"[" * 10_000,
}


@pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
def test_a_body_that_is_not_json_is_refused(desk: Desk, body: bytes) -> None:
    with unchanged():
        answer = _send(desk, data=body)

    _refused(answer, 400, "parse_error")


@pytest.mark.parametrize("body", ["[]", "[1]", '"AAPL"', "null", "true", "7"])
def test_a_json_body_that_is_not_an_object_is_refused(desk: Desk, body: str) -> None:
    with unchanged():
        answer = _send(desk, data=body)

    assert [error["pointer"] for error in _refused(answer, 400, "invalid_request")["errors"]] == ["/"]


def test_an_empty_body_misses_every_field(desk: Desk) -> None:
    with unchanged():
        answer = _send(desk)

    errors = _refused(answer, 400, "invalid_request")["errors"]
    assert {error["code"] for error in errors} == {"missing"}
    assert len(errors) == 3


def test_a_number_too_large_for_any_decimal_is_refused(desk: Desk) -> None:
    body = json.dumps(desk.body(quantity="@")).replace('"@"', "1e1000000000000000000")

    with unchanged():
        answer = _send(desk, data=body)

    assert answer.status_code == 400


def test_a_number_of_five_thousand_digits_is_refused_without_quoting_python(desk: Desk) -> None:
    body = json.dumps(desk.body(quantity="@")).replace('"@"', "1" * 5000)

    with unchanged():
        answer = _send(desk, data=body)

    _refused(answer, 400, "parse_error")


def test_a_body_that_is_a_fraction_is_refused_without_naming_python_s_class(desk: Desk) -> None:
    with unchanged():
        answer = _send(desk, data="0.25")

    _refused(answer, 400, "invalid_request")


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "application/xml", "multipart/form-data"]
)
def test_another_content_type_than_json_is_refused(desk: Desk, content_type: str) -> None:
    with unchanged():
        answer = _send(desk, data=json.dumps(desk.body()), content_type=content_type)

    _refused(answer, 415, "unsupported_media_type")


def test_a_caller_that_wants_html_only_is_refused(desk: Desk) -> None:
    with unchanged():
        answer = _send(desk, data=json.dumps(desk.body()), headers={"Accept": "text/html"})

    _refused(answer, 406, "not_acceptable")


# --- The caller ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "not_authenticated"),
        ("Basic YWxpY2U6cHc=", "not_authenticated"),
        ("Token {alice}", "not_authenticated"),
        ("{alice}", "not_authenticated"),
        ("Bearer", "authentication_failed"),
        ("Bearer garbage", "authentication_failed"),
        ("Bearer agora_Ünïcode", "authentication_failed"),
        ("Bearer {alice}x", "authentication_failed"),
        ("Bearer {alice} {alice}", "authentication_failed"),
        ("Bearer {expired}", "authentication_failed"),
        ("Bearer {revoked}", "authentication_failed"),
        ("Bearer {inactive}", "authentication_failed"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_caller_without_a_valid_token_is_refused(desk: Desk, method: str, authorization: str, code: str) -> None:
    header = authorization.format(alice=desk.alice.token, **desk.tokens)
    path = ORDERS if method == "POST" else f"{ORDERS}/{desk.bobs_order}"

    with unchanged():
        answer = _send(desk, method=method, path=path, data=json.dumps(desk.body()), headers={"Authorization": header})

    _refused(answer, 401, code)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="agora"'


@pytest.mark.parametrize(
    ("who", "code"), [("unapproved", "kyc_not_approved"), ("held", "on_hold"), ("staff", "not_a_customer")]
)
def test_a_caller_who_may_not_trade_is_refused(desk: Desk, who: str, code: str) -> None:
    token = desk.tokens["staff"] if who == "staff" else getattr(desk, who).token
    wallet = WALLETS[0] if who == "staff" else getattr(desk, who).wallet

    with unchanged():
        answer = _send(desk, data=json.dumps(desk.body(recipient_wallet=wallet)), token=token)

    _refused(answer, 403, code)


# --- The address and the method --------------------------------------------------------------------------------------
@pytest.mark.parametrize("suffix", ["", "/custody", "/mints"])
@pytest.mark.parametrize(
    "order_id", ["{bobs}", "01890000-0000-7000-8000-000000000000", "1", "not-a-uuid", "{bobs}x", "'; DROP TABLE x"]
)
def test_somebody_elses_order_is_as_absent_as_none(desk: Desk, order_id: str, suffix: str) -> None:
    path = f"{ORDERS}/{order_id.format(bobs=desk.bobs_order)}{suffix}"

    with unchanged():
        problem = _refused(_send(desk, method="GET", path=path), 404, "not_found")

    assert problem["detail"] == "There is nothing here for you."


def test_bob_sees_his_own(desk: Desk) -> None:
    answer = _send(desk, method="GET", path=f"{ORDERS}/{desk.bobs_order}", token=desk.bob.token)

    assert (answer.status_code, answer.json()["order_id"]) == (200, str(desk.bobs_order))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[(method, ORDERS) for method in ("PUT", "PATCH", "DELETE")],
        *[(method, ORDERS + "/{bobs}") for method in ("POST", "PUT", "PATCH", "DELETE")],
        ("POST", "/api/v1/assets"),
        ("POST", "/api/v1/me"),
        ("DELETE", "/api/v1/reserves"),
    ],
)
def test_a_method_that_a_path_does_not_have_is_refused(desk: Desk, method: str, path: str) -> None:
    with unchanged():
        answer = _send(desk, method=method, path=path.format(bobs=desk.bobs_order), data=json.dumps(desk.body()))

    _refused(answer, 405, "method_not_allowed")
    assert method not in answer.headers["Allow"]


ROOT = pytest.param("/api/v1/")


@pytest.mark.parametrize("path", ["/api/v1/order", "/api/v1/orders/", ROOT, "/api/v1/orders.json"])
def test_a_path_that_does_not_exist_answers_like_the_api(desk: Desk, path: str) -> None:
    with unchanged():
        answer = _send(desk, path=path, data=json.dumps(desk.body()))

    _refused(answer, 404, "not_found")


# --- Over HTTP, once for each kind -----------------------------------------------------------------------------------
CLOSE = {"Connection": "close"}  # or the server's thread keeps its database connection, and that the database
OVER_HTTP: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "invalid field": (b'{"asset": "AAPL", "quantity": "-1"}', {}, 400, "invalid_request"),
    "bare NaN": (b'{"quantity": NaN}', {}, 400, "parse_error"),
    "wrong content type": (b"quantity=1", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
    "no token": (b"{}", {"Authorization": ""}, 401, "not_authenticated"),
    "too small": (
        json.dumps(
            {"asset": "AAPL", "quantity": 0.001, "recipient_wallet": WALLETS[0], "client_order_id": "a"}
        ).encode(),
        {},
        422,
        "quantity_too_small",
    ),
}


@pytest.mark.parametrize(("body", "headers", "status", "code"), OVER_HTTP.values(), ids=OVER_HTTP)
def test_a_refusal_is_the_same_over_http(
    desk: Desk, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    before = fingerprint()

    sent = {"Content-Type": "application/json", **desk.alice.auth, **CLOSE, **headers}
    answer = requests.post(desk.url + ORDERS, data=body, headers=sent, timeout=30)

    _refused(answer, status, code)
    assert fingerprint() == before


def test_a_strangers_order_is_absent_over_http(desk: Desk) -> None:
    answer = requests.get(f"{desk.url}{ORDERS}/{desk.bobs_order}", headers={**desk.alice.auth, **CLOSE}, timeout=30)

    _refused(answer, 404, "not_found")
