"""API keys: what they may do, from where, how often and until when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from accounts.errors import ApiKeyInvalid, ApiKeyUnknown
from accounts.models import ApiToken, User
from accounts.selectors import live_token, tokens_of
from accounts.services import issue_api_token, revoke_api_token, rotate_api_token
from accounts.tests.people import newcomer
from agora.lib import ratelimit
from agora.lib.api import scopes

pytestmark = pytest.mark.django_db

ME = "/api/v1/users/me"


@pytest.fixture
def ana() -> User:
    return newcomer().user


def _key(user: User, **more: Any) -> str:
    return issue_api_token(user=user, name="test", now=timezone.now(), **more)


def _get(key: str, path: str = ME, **meta: Any) -> Any:
    return Client().get(path, headers={"Authorization": f"Bearer {key}"}, **meta)


def test_a_key_is_recognised_by_its_prefix_and_kept_as_a_hash(ana: User) -> None:
    key = _key(ana)

    row = ApiToken.objects.get()
    assert key.startswith("agora_test_")
    assert (row.prefix, len(row.digest)) == (key[:20], 64)
    assert key[20:] not in str(ApiToken.objects.values().get())


def test_a_key_does_what_its_scopes_name(ana: User) -> None:
    key = _key(ana, scopes=["orders:read"])

    assert _get(key, "/api/v1/orders").status_code == 200
    refused = _get(key)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert "profile:read" in refused.json()["detail"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["orders:read", "everything"]},
        {"allowed_networks": ["not a network"]},
        {"allowed_networks": ["203.0.113.7/24"]},
        {"name": " "},
        {"name": "x" * 101},
    ],
    ids=str,
)
def test_a_key_that_makes_no_sense_is_not_made(ana: User, wrong: dict[str, Any]) -> None:
    with pytest.raises(ApiKeyInvalid):
        issue_api_token(**{"user": ana, "name": "test", "now": timezone.now(), **wrong})
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        (["203.0.113.0/24"], "203.0.113.7", 200),
        (["203.0.113.7"], "203.0.113.7", 200),
        (["203.0.113.0/24"], "203.0.114.7", 403),
        (["203.0.113.0/24", "2001:db8::/32"], "2001:db8::1", 200),
        (["2001:db8::/32"], "203.0.113.7", 403),
        ([], "198.51.100.1", 200),
    ],
)
def test_a_key_is_good_from_its_networks(ana: User, networks: list[str], address: str, status: int) -> None:
    answer = _get(_key(ana, allowed_networks=networks), REMOTE_ADDR=address)

    assert answer.status_code == status


def test_a_forwarded_address_is_believed_as_far_as_our_own_proxies_say_it(ana: User) -> None:
    key = _key(ana, allowed_networks=["203.0.113.7"])
    claims = {"HTTP_X_FORWARDED_FOR": "203.0.113.7, 198.51.100.1"}

    assert _get(key, **claims).status_code == 403
    with override_settings(TRUSTED_PROXIES=1):
        assert _get(key, **claims).status_code == 403  # our proxy saw 198.51.100.1; the rest is the caller's word
        assert _get(key, HTTP_X_FORWARDED_FOR="198.51.100.1, 203.0.113.7").status_code == 200


def test_an_expired_key_is_refused(ana: User) -> None:
    assert _get(_key(ana, expires_at=timezone.now() - timedelta(seconds=1))).status_code == 401


def test_a_sandbox_key_is_of_no_use_elsewhere_nor_the_other_way_round(ana: User) -> None:
    now, test_key = timezone.now(), _key(ana)
    with override_settings(AGORA_MODE="paper"):
        live_key = _key(ana)
        assert live_key.startswith("agora_live_")
        assert live_token(token=test_key, now=now) is None
        assert live_token(token=live_key, now=now) is not None
    assert live_token(token=live_key, now=now) is None


def test_a_replaced_key_works_until_its_grace_is_over(ana: User) -> None:
    now, old = timezone.now(), _key(ana, scopes=["orders:read"], allowed_networks=["203.0.113.0/24"])

    new = rotate_api_token(user=ana, token_id=ApiToken.objects.get().pk, now=now, grace=timedelta(hours=1))

    row = live_token(token=new, now=now)
    assert row is not None
    assert (row.scopes, row.allowed_networks) == (["orders:read"], ["203.0.113.0/24"])
    assert live_token(token=old, now=now + timedelta(minutes=59)) is not None
    assert live_token(token=old, now=now + timedelta(minutes=60)) is None


def test_only_a_live_key_of_one_s_own_is_replaced(ana: User) -> None:
    _key(ana)
    token_id = ApiToken.objects.get().pk
    with pytest.raises(ApiKeyUnknown):
        rotate_api_token(user=newcomer("bruno").user, token_id=token_id, now=timezone.now())
    revoke_api_token(token_id=token_id, actor="test", now=timezone.now())
    with pytest.raises(ApiKeyUnknown):
        rotate_api_token(user=ana, token_id=token_id, now=timezone.now())
    assert ApiToken.objects.count() == 1


def test_a_key_is_revoked_by_its_owner_alone(ana: User) -> None:
    key, now = _key(ana), timezone.now()
    (row,) = tokens_of(user=ana)

    assert not revoke_api_token(token_id=row.pk, user=newcomer("bruno").user, actor="bruno", now=now)
    assert _get(key).status_code == 200
    assert revoke_api_token(token_id=row.pk, user=ana, actor="ana", now=now)
    assert _get(key).status_code == 401


def test_a_key_s_last_use_is_written_once_in_ten_minutes(ana: User) -> None:
    key = _key(ana)
    _get(key)
    first = ApiToken.objects.get().last_used_at
    _get(key)
    assert first is not None
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(minutes=11))
    _get(key)
    assert ApiToken.objects.get().last_used_at > first


def test_a_key_has_a_rate_and_says_how_much_is_left(ana: User) -> None:
    key = _key(ana, requests_per_minute=3)

    answers = [_get(key) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"caller";q=3;w=60'
    assert [answer.headers["RateLimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
    assert answers[3].json()["code"] == "rate_limited"
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 20
    assert _get(_key(ana)).status_code == 200  # another key's rate is its own


@override_settings(API_RATE_ANONYMOUS=3)
def test_who_guesses_keys_uses_up_the_rate_of_their_address(ana: User) -> None:
    guesses = [_get("agora_test_guess", REMOTE_ADDR="198.51.100.9").status_code for _ in range(4)]

    assert guesses == [401, 401, 401, 429]
    assert _get("agora_test_guess", REMOTE_ADDR="198.51.100.10").status_code == 401
    assert _get(_key(ana), REMOTE_ADDR="198.51.100.9").status_code == 200


@override_settings(SIGN_IN_RATE=2)
def test_signing_in_has_one_rate_in_browsers_and_at_the_api() -> None:
    body = {"address": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "chain_id": 31337}
    paths = ["/auth/wallet/challenge", "/api/v1/auth/connect-wallet"] * 2

    answers = [Client().post(path, body, content_type="application/json") for path in paths]

    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert {answer.json()["code"] for answer in answers[2:]} == {"rate_limited"}
    assert "Retry-After" in answers[2].headers


def test_a_rate_comes_back_bit_by_bit() -> None:
    rate, now = ratelimit.Rate("test", 2, 60), timezone.now()

    used = [ratelimit.take(name="t", rate=rate, now=now + timedelta(seconds=s)).wait for s in (0, 0, 0, 29, 30, 31, 60)]

    assert [wait == 0 for wait in used] == [True, True, False, False, True, False, True]
    assert used[2] == pytest.approx(30)


def test_full_buckets_are_forgotten() -> None:
    rate, now = ratelimit.Rate("test", 2, 60), timezone.now()
    ratelimit.take(name="t", rate=rate, now=now)

    assert ratelimit.prune(now=now) == 0
    assert ratelimit.prune(now=now + timedelta(seconds=31)) == 1


def test_every_scope_can_be_given_to_a_key(ana: User) -> None:
    _key(ana)
    assert tuple(ApiToken.objects.get().scopes) == scopes.ALL
