"""The sandbox lets in what Fireblocks lets in: requests of both SDK generations, and nothing that was tampered with."""

from __future__ import annotations

import hashlib
import json
import time
import uuid

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from custody.sandbox.process import running

PATH = "/v1/vault/accounts_paged?namePrefix=a&limit=5"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("fireblocks")) as process:
        yield process


def call(sandbox, method="GET", path=PATH, body=b"", headers=None, key=None, **claims):
    """A request by hand, as the new-generation SDK signs it: bodyHash over the raw body, empty or not."""
    now = int(time.time())
    payload = {
        "uri": path,
        "nonce": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 55,
        "sub": sandbox.api_key,
        "bodyHash": hashlib.sha256(body).hexdigest(),
    }
    payload = {name: value for name, value in (payload | claims).items() if value is not None}
    token = jwt.encode(payload, key or sandbox.private_key_file.read_bytes(), algorithm="RS256")
    sent = {"X-API-Key": sandbox.api_key, "Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    sent = {name: value for name, value in (sent | (headers or {})).items() if value is not None}
    return requests.request(method, sandbox.url + path, data=body, headers=sent, timeout=5)


@pytest.mark.parametrize("nonce", [123456789, "a-string-nonce"])
def test_request_of_the_new_sdk_is_let_in(sandbox, nonce):
    assert call(sandbox, nonce=nonce).json() == {"accounts": [], "paging": {}}


def test_get_of_the_old_sdk_is_let_in(sandbox):
    assert call(sandbox, bodyHash=hashlib.sha256(b'""').hexdigest()).status_code == 200


def test_post_of_the_new_sdk_is_let_in(sandbox):
    answer = call(sandbox, "POST", "/v1/vault/accounts", b'{"name":"by-hand"}')

    assert (answer.status_code, answer.json()["name"]) == (200, "by-hand")


@pytest.mark.parametrize(
    ("code", "claims"),
    [
        (-4, {"uri": "/v1/vault/accounts_paged"}),
        (-4, {"uri": PATH + "0"}),
        (-4, {"uri": None}),
        (-7, {"bodyHash": hashlib.sha256(b"other").hexdigest()}),
        (-7, {"bodyHash": None}),
        (-7, {"nonce": None}),
        (-7, {"nonce": ""}),
        (-6, {"sub": "somebody-else"}),
        (-10, lambda now: {"iat": now - 120, "exp": now - 65}),
        (-10, lambda now: {"exp": now + 3600}),
        (-12, lambda now: {"iat": now + 600, "exp": now + 655}),
        (-7, {"exp": None}),
    ],
)
def test_token_that_does_not_fit_the_request_is_refused(sandbox, code, claims):
    answer = call(sandbox, **(claims(time.time()) if callable(claims) else claims))

    assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_nonce_is_good_once_even_across_a_crash(sandbox):
    nonce = str(uuid.uuid4())
    assert call(sandbox, nonce=nonce).status_code == 200

    assert call(sandbox, nonce=nonce).json()["code"] == -7
    sandbox.kill()
    sandbox.start()
    assert call(sandbox, nonce=nonce).json()["code"] == -7


def test_token_signed_by_another_key_is_refused(sandbox):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    assert call(sandbox, key=stranger).json() == {"message": "Unauthorized: Invalid signature", "code": -1}


def test_unsigned_and_symmetric_tokens_are_refused(sandbox):
    public = (sandbox.data / "api_public_key.pem").read_text()
    claims = {"uri": PATH, "nonce": "x", "iat": int(time.time()), "exp": int(time.time()) + 55, "sub": sandbox.api_key}
    header = jwt.utils.base64url_encode(b'{"alg":"HS256","typ":"JWT"}').decode()
    payload = jwt.utils.base64url_encode(json.dumps(claims).encode()).decode()
    hs256 = f"{header}.{payload}.{jwt.utils.base64url_encode(hashlib.sha256(public.encode()).digest()).decode()}"

    for token in (hs256, jwt.encode(claims, None, algorithm="none")):
        answer = call(sandbox, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (401, -7)


@pytest.mark.parametrize(
    ("code", "headers"),
    [(-3, {"Authorization": None}), (-2, {"X-API-Key": None}), (-6, {"X-API-Key": "somebody-else"})],
)
def test_missing_or_wrong_headers_are_refused(sandbox, code, headers):
    answer = call(sandbox, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_edited_body_is_refused_and_has_no_effect(sandbox):
    signed_for = hashlib.sha256(b'{"name":"mine"}').hexdigest()

    answer = call(sandbox, "POST", "/v1/vault/accounts", b'{"name":"theirs"}', bodyHash=signed_for)

    assert answer.status_code == 401
    path = "/v1/vault/accounts_paged?namePrefix=theirs"
    assert call(sandbox, path=path).json()["accounts"] == []


def test_idempotency_key_gives_the_first_answer_again(sandbox):
    def create():
        headers = {"Idempotency-Key": "key-1"}
        return call(sandbox, "POST", "/v1/vault/accounts", b'{"name":"only-one"}', headers).json()["id"]

    assert create() == create()
    assert len(call(sandbox, path="/v1/vault/accounts_paged?namePrefix=only-one").json()["accounts"]) == 1


def test_idempotency_key_has_at_most_40_characters(sandbox):
    answer = call(sandbox, "POST", "/v1/vault/accounts", b'{"name":"n"}', {"Idempotency-Key": "k" * 41})

    assert answer.status_code == 400


def test_vault_accounts_come_in_pages_that_miss_none(sandbox):
    for number in range(5):
        call(sandbox, "POST", "/v1/vault/accounts", json.dumps({"name": f"page-{number}"}).encode())

    for order in ("ASC", "DESC"):
        path, names = f"/v1/vault/accounts_paged?namePrefix=page-&limit=2&orderBy={order}", []
        cursor = ""
        while cursor is not None:
            page = call(sandbox, path=path + (f"&after={cursor}" if cursor else "")).json()
            names += [account["name"] for account in page["accounts"]]
            cursor = page["paging"].get("after")
        expected = [f"page-{number}" for number in range(5)]
        assert names == (expected if order == "ASC" else expected[::-1])
