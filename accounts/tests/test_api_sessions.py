"""A wallet signs for a session at the API: tokens, their exchange, and what ends them."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import requests
from django.conf import settings
from django.test import Client
from django.utils import timezone
from eth_account import Account
from eth_account.signers.local import LocalAccount
from pytest_django.live_server_helper import LiveServer

from accounts.errors import RefreshTokenInvalid, RefreshTokenReused
from accounts.models import ApiSession, Customer, RefreshToken, SignInChallenge, User
from accounts.services import open_session, prune_sessions, refresh_session
from accounts.tests.people import browser, newcomer, sign

pytestmark = pytest.mark.django_db(transaction=True)

API = "/api/v1"


def _post(path: str, body: dict[str, Any], **headers: str) -> Any:
    return Client().post(f"{API}/{path}", body, content_type="application/json", headers=headers)


def _challenge(wallet: LocalAccount) -> dict[str, Any]:
    answer = _post("auth/connect-wallet", {"address": wallet.address, "chain_id": settings.CHAIN_ID})
    assert answer.status_code == 200, answer.content
    return answer.json()  # type: ignore[no-any-return]


def _verify(wallet: LocalAccount, challenge: dict[str, Any], **more: Any) -> Any:
    body = {"challenge": challenge["challenge"], "signature": sign(wallet, challenge["text"]), **more}
    return _post("auth/connect-wallet/verify", body)


def _tokens(wallet: LocalAccount | None = None, **more: Any) -> dict[str, Any]:
    wallet = wallet or Account.create()
    answer = _verify(wallet, _challenge(wallet), **more)
    assert answer.status_code == 200, answer.content
    return answer.json()  # type: ignore[no-any-return]


def _get(path: str, access_token: str) -> Any:
    return Client().get(f"{API}/{path}", headers={"Authorization": f"Bearer {access_token}"})


def test_a_new_wallet_becomes_a_customer_with_tokens() -> None:
    wallet = Account.create()

    tokens = _tokens(wallet)

    customer = Customer.objects.get()
    assert (tokens["token_type"], tokens["expires_in"], tokens["customer_id"]) == ("Bearer", 600, str(customer.pk))
    profile = _get("users/me", tokens["access_token"])
    assert profile.json() == {
        "customer_id": str(customer.pk),
        "country": "",
        "kyc_status": "PENDING",
        "wallets": [wallet.address],
        "is_submitted": False,
        "is_email_confirmed": False,
        "may_submit": True,
        "message": "",
    }


def test_the_text_names_the_site_the_wallet_and_the_chain() -> None:
    wallet = Account.create()

    text = _challenge(wallet)["text"]

    assert text.startswith(f"testserver wants you to sign in with your Ethereum account:\n{wallet.address}\n")
    assert f"Chain ID: {settings.CHAIN_ID}\n" in text


def test_neither_the_challenge_nor_a_refresh_token_is_kept_in_the_clear() -> None:
    wallet = Account.create()
    challenge = _challenge(wallet)
    tokens = _verify(wallet, challenge).json()

    assert challenge["challenge"] not in str(SignInChallenge.objects.values().get())
    assert tokens["refresh_token"] not in str(list(RefreshToken.objects.values()) + list(ApiSession.objects.values()))


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"challenge": "agora_ct_" + "A" * 43}, 409, "challenge_unknown"),
        ({"challenge": "a" * 32}, 400, "invalid_request"),  # the form of a browser session's key
        ({"signature": "0x" + "11" * 65}, 403, "signature_invalid"),
        ({"signature": "not hex"}, 400, "invalid_request"),
        ({"scopes": []}, 400, "invalid_request"),
        ({"scopes": ["everything"]}, 400, "invalid_request"),
        ({"extra": 1}, 400, "invalid_request"),
    ],
)
def test_a_wrong_answer_to_a_challenge_is_refused(change: dict[str, Any], status: int, code: str, chain: str) -> None:
    wallet = Account.create()
    challenge = _challenge(wallet)
    good = {"challenge": challenge["challenge"], "signature": sign(wallet, challenge["text"])}

    answer = _post("auth/connect-wallet/verify", {**good, **change})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (User.objects.count(), ApiSession.objects.count()) == (0, 0)


def test_a_challenge_is_good_for_one_try() -> None:
    wallet = Account.create()
    challenge = _challenge(wallet)
    _verify(wallet, challenge)

    assert _verify(wallet, challenge).json()["code"] == "challenge_used"


def test_a_challenge_is_good_for_five_minutes() -> None:
    wallet = Account.create()
    challenge = _challenge(wallet)
    past = timezone.now() - timedelta(minutes=6)
    SignInChallenge.objects.update(created_at=past, expires_at=past + timedelta(minutes=5))

    assert _verify(wallet, challenge).json()["code"] == "challenge_expired"


def test_a_text_of_a_browser_cannot_be_redeemed_at_the_api(chain: str) -> None:
    visitor = browser()
    text = visitor.text()

    body = {"challenge": visitor.client.session.session_key, "signature": sign(visitor.wallet, text)}

    assert _post("auth/connect-wallet/verify", body).status_code == 400


def test_another_chain_is_refused() -> None:
    answer = _post("auth/connect-wallet", {"address": Account.create().address, "chain_id": 1})

    assert (answer.status_code, answer.json()["code"]) == (422, "chain_not_supported")


def test_a_session_has_the_scopes_that_it_wanted() -> None:
    tokens = _tokens(scopes=["orders:read"])

    assert tokens["scopes"] == ["orders:read"]
    assert _get("orders", tokens["access_token"]).status_code == 200
    refused = _get("users/me", tokens["access_token"])
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    again = _post("auth/refresh", {"refresh_token": tokens["refresh_token"]}).json()
    assert again["scopes"] == ["orders:read"]


def test_a_refresh_token_is_exchanged_once() -> None:
    tokens = _tokens()

    second = _post("auth/refresh", {"refresh_token": tokens["refresh_token"]})

    assert second.status_code == 200
    assert second.json()["refresh_token"] != tokens["refresh_token"]
    assert _get("users/me", second.json()["access_token"]).status_code == 200


def test_a_refresh_token_that_comes_twice_ends_the_session() -> None:
    tokens = _tokens()
    second = _post("auth/refresh", {"refresh_token": tokens["refresh_token"]}).json()

    stolen = _post("auth/refresh", {"refresh_token": tokens["refresh_token"]})
    after = _post("auth/refresh", {"refresh_token": second["refresh_token"]})

    assert (stolen.status_code, stolen.json()["code"]) == (401, "refresh_token_reused")
    assert (after.status_code, after.json()["code"]) == (401, "refresh_token_invalid")
    assert ApiSession.objects.get().revoked_because == "REUSED"


def test_of_many_at_once_with_one_refresh_token_one_gets_it_and_none_keeps_it(live_server: LiveServer) -> None:
    tokens = _tokens()
    together = Barrier(8)

    def refresh(_: int) -> requests.Response:
        together.wait(timeout=10)
        body = {"refresh_token": tokens["refresh_token"]}
        return requests.post(
            f"{live_server.url}{API}/auth/refresh", json=body, headers={"Connection": "close"}, timeout=30
        )

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(refresh, range(8)))

    granted = [answer.json() for answer in answers if answer.status_code == 200]
    assert Counter(answer.status_code for answer in answers) == {200: 1, 401: 7}
    with pytest.raises(RefreshTokenInvalid):
        refresh_session(refresh_token=granted[0]["refresh_token"], now=timezone.now())


@pytest.mark.parametrize("use_it_first", [False, True])
def test_revoking_ends_the_session(use_it_first: bool) -> None:
    tokens = _tokens()
    latest = tokens["refresh_token"]
    if use_it_first:
        latest = _post("auth/refresh", {"refresh_token": latest}).json()["refresh_token"]

    answer = _post("auth/revoke", {"refresh_token": tokens["refresh_token"]})

    assert (answer.status_code, answer.content) == (204, b"")
    with pytest.raises(RefreshTokenInvalid):
        refresh_session(refresh_token=latest, now=timezone.now())


def test_revoking_an_unknown_token_is_answered_alike() -> None:
    assert _post("auth/revoke", {"refresh_token": "unknown"}).status_code == 204


def test_a_session_ends_after_thirty_days() -> None:
    now = timezone.now()
    pair = open_session(user=newcomer().user, address="0x", now=now - timedelta(days=30))

    with pytest.raises(RefreshTokenInvalid):
        refresh_session(refresh_token=pair.refresh_token, now=now)


def test_long_ended_sessions_are_forgotten() -> None:
    now = timezone.now()
    open_session(user=newcomer("old").user, address="0x", now=now - timedelta(days=61))
    kept = open_session(user=newcomer("new").user, address="0x", now=now)

    prune_sessions(now=now)

    assert str(ApiSession.objects.get().user.customer.pk) == kept.customer_id


def test_a_disabled_login_is_refused_at_once_and_not_refreshed() -> None:
    tokens = _tokens()
    User.objects.update(is_active=False)

    assert _get("users/me", tokens["access_token"]).status_code == 401
    with pytest.raises(RefreshTokenInvalid):
        refresh_session(refresh_token=tokens["refresh_token"], now=timezone.now())
    with pytest.raises(RefreshTokenInvalid):
        refresh_session(refresh_token=tokens["refresh_token"], now=timezone.now())


def test_an_access_token_is_verified_without_a_query(django_assert_num_queries: Any) -> None:
    token = _tokens()["access_token"]
    client = Client()
    with django_assert_num_queries(2):  # the rate, and what was asked for
        answer = client.get(f"{API}/assets", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("token", ["a.b.c", "..", "eyJhbGciOiJub25lIn0.e30."])
def test_a_forged_token_is_refused(token: str) -> None:
    answer = _get("users/me", token)

    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")


def test_the_keys_are_published() -> None:
    answer = Client().get(f"{API}/auth/jwks")

    assert [key["alg"] for key in answer.json()["keys"]] == ["EdDSA"]


def test_no_answer_to_a_secret_is_stored_anywhere() -> None:
    wallet = Account.create()
    challenge = _challenge(wallet)
    body = {"challenge": challenge["challenge"], "signature": sign(wallet, challenge["text"])}
    headers = {"Idempotency-Key": '"one"'}

    first = _post("auth/connect-wallet/verify", body, **headers)
    second = _post("auth/connect-wallet/verify", body, **headers)

    assert (first.status_code, first.headers["Cache-Control"]) == (200, "no-store")
    assert second.json()["code"] == "challenge_used"


def test_reuse_is_told_from_an_end(django_assert_num_queries: Any) -> None:
    pair = open_session(user=newcomer().user, address="0x", now=timezone.now())
    refresh_session(refresh_token=pair.refresh_token, now=timezone.now())
    with pytest.raises(RefreshTokenReused):
        refresh_session(refresh_token=pair.refresh_token, now=timezone.now())
    with pytest.raises(RefreshTokenInvalid):
        refresh_session(refresh_token=pair.refresh_token, now=timezone.now())
