"""Access tokens: one form is taken, and whatever differs from it in one respect is not. Cases after Wycheproof's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agora.lib import keyfiles
from agora.lib.api import jwt

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ISSUER, AUDIENCE = "https://agora.example", "agora-api"


@pytest.fixture
def keys(tmp_path: Path) -> list[jwt.Key]:
    keyfiles.ensure(tmp_path / "jwt.json", count=2)
    return jwt.load_keys(tmp_path / "jwt.json")


def _sign(keys: list[jwt.Key], now: datetime = NOW, **changed: Any) -> str:
    ours: dict[str, Any] = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "subject": "somebody",
        "scopes": ["orders:read", "orders:write"],
        "session": "s",
    }
    return jwt.sign(keys=keys, now=now, **{**ours, **changed})


def _verify(token: str, keys: list[jwt.Key], now: datetime = NOW) -> dict[str, Any]:
    return jwt.verify(token, keys=keys, issuer=ISSUER, audience=AUDIENCE, now=now)


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = token.split(".")
    return json.loads(_unb64(header)), json.loads(_unb64(claims))


def _signed(key: jwt.Key, header: Any, claims: Any) -> str:
    """A token with that header and those claims, truly signed by the key. Texts are taken as they are."""
    first, second = (_b64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, claims))
    return f"{first}.{second}.{_b64(key.private.sign(f'{first}.{second}'.encode()))}"


def test_a_token_of_ours_is_read(keys: list[jwt.Key]) -> None:
    claims = _verify(_sign(keys), keys)

    assert (claims["sub"], claims["scope"], claims["exp"] - claims["iat"]) == (
        "somebody",
        "orders:read orders:write",
        600,
    )


def test_a_key_that_no_longer_signs_still_verifies_until_it_is_dropped(keys: list[jwt.Key]) -> None:
    token = _sign(keys)

    assert _verify(token, [keys[1], keys[0]])["sub"] == "somebody"
    with pytest.raises(jwt.TokenRefused, match="no key"):
        _verify(token, [keys[1]])


def test_the_published_keys_hold_no_secret(keys: list[jwt.Key]) -> None:
    published = jwt.jwks(keys)["keys"]

    assert [set(key) for key in published] == [{"crv", "kty", "x", "kid", "use", "alg"}] * 2
    assert len({key["kid"] for key in published}) == 2


def test_changed_keys_are_read_again_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "jwt.json"
    keyfiles.ensure(path, count=1)
    (first,) = jwt.load_keys(path)
    path.write_text(json.dumps(["0x" + "11" * 32, *json.loads(path.read_text())]))

    assert [key.kid for key in jwt.load_keys(path)][1:] == [first.kid]


HEADERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "alg none": lambda header: {**header, "alg": "none"},
    "alg None": lambda header: {**header, "alg": "None"},
    "alg empty": lambda header: {**header, "alg": ""},
    "alg HS256": lambda header: {**header, "alg": "HS256"},
    "alg RS256": lambda header: {**header, "alg": "RS256"},
    "alg ES256": lambda header: {**header, "alg": "ES256"},
    "alg eddsa": lambda header: {**header, "alg": "eddsa"},
    "alg a list": lambda header: {**header, "alg": ["EdDSA"]},
    "no alg": lambda header: {name: value for name, value in header.items() if name != "alg"},
    "no kid": lambda header: {name: value for name, value in header.items() if name != "kid"},
    "kid unknown": lambda header: {**header, "kid": "another"},
    "kid a path": lambda header: {**header, "kid": "../../etc/passwd"},
    "kid a number": lambda header: {**header, "kid": 0},
    "typ JWT": lambda header: {**header, "typ": "JWT"},
    "jku": lambda header: {**header, "jku": "https://attacker.example/jwks.json"},
    "jwk": lambda header: {**header, "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}},
    "x5u": lambda header: {**header, "x5u": "https://attacker.example/cert.pem"},
    "x5c": lambda header: {**header, "x5c": ["AAAA"]},
    "crit": lambda header: {**header, "crit": ["exp"]},
    "b64 false": lambda header: {**header, "b64": False, "crit": ["b64"]},
    "zip": lambda header: {**header, "zip": "DEF"},
    "a list": lambda header: [header],
    "a name twice": lambda header: json.dumps(header)[:-1].encode() + b', "alg": "EdDSA"}',
    "not JSON": lambda header: b"EdDSA",
    "not UTF-8": lambda header: b'{"alg": "\xff"}',
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS)
def test_a_header_of_another_form_is_refused_though_truly_signed(
    keys: list[jwt.Key], change: Callable[[dict[str, Any]], Any]
) -> None:
    header, claims = _parts(_sign(keys))
    assert _verify(_signed(keys[0], header, claims), keys)  # the control: unchanged, it is taken

    with pytest.raises(jwt.TokenRefused):
        _verify(_signed(keys[0], change(header), claims), keys)


CLAIMS: dict[str, Callable[[dict[str, Any]], Any]] = {
    **{
        f"no {name}": (lambda claims, name=name: {k: v for k, v in claims.items() if k != name}) for name in jwt._CLAIMS
    },
    "expired": lambda claims: {**claims, **_times(-700)},
    "not good yet": lambda claims: {**claims, "nbf": claims["nbf"] + 120},
    "issued later": lambda claims: {**claims, **_times(120)},
    "good for an hour": lambda claims: {**claims, "exp": claims["iat"] + 3600},
    "exp text": lambda claims: {**claims, "exp": str(claims["exp"])},
    "exp a fraction": lambda claims: {**claims, "exp": claims["exp"] + 0.5},
    "exp true": lambda claims: {**claims, "exp": True},
    "exp Infinity": lambda claims: json.dumps({**claims, "exp": 0}).replace('"exp": 0', '"exp": Infinity').encode(),
    "another issuer": lambda claims: {**claims, "iss": "https://attacker.example"},
    "issuers": lambda claims: {**claims, "iss": [ISSUER]},
    "another audience": lambda claims: {**claims, "aud": "another-api"},
    "audiences": lambda claims: {**claims, "aud": [AUDIENCE, "another-api"]},
    "sub a number": lambda claims: {**claims, "sub": 1},
    "scope a list": lambda claims: {**claims, "scope": ["orders:write"]},
    "a list": lambda claims: [claims],
    "a name twice": lambda claims: json.dumps(claims)[:-1].encode() + b', "sub": "another"}',
}


def _times(seconds: int) -> dict[str, int]:
    at = int(NOW.timestamp()) + seconds
    return {"iat": at, "nbf": at, "exp": at + 600}


@pytest.mark.parametrize("change", CLAIMS.values(), ids=CLAIMS)
def test_claims_of_another_form_are_refused_though_truly_signed(
    keys: list[jwt.Key], change: Callable[[dict[str, Any]], Any]
) -> None:
    header, claims = _parts(_sign(keys))

    with pytest.raises(jwt.TokenRefused):
        _verify(_signed(keys[0], header, change(claims)), keys)


def test_a_token_ends_ten_minutes_after_it_was_made(keys: list[jwt.Key]) -> None:
    token = _sign(keys)

    assert _verify(token, keys, NOW + timedelta(minutes=10, seconds=29))
    with pytest.raises(jwt.TokenRefused, match="expired"):
        _verify(token, keys, NOW + timedelta(minutes=10, seconds=30))


def test_the_public_key_is_no_hmac_secret(keys: list[jwt.Key]) -> None:
    header, claims = _parts(_sign(keys))
    raw = keys[0].public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    pem = keys[0].public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for secret in (raw, pem, keys[0].jwk["x"].encode()):
        for alg in ("HS256", "EdDSA"):
            text = f"{_b64(json.dumps({**header, 'alg': alg}).encode())}.{_b64(json.dumps(claims).encode())}"
            forged = f"{text}.{_b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"
            with pytest.raises(jwt.TokenRefused):
                _verify(forged, keys)


def test_another_key_s_signature_under_our_kid_is_refused(keys: list[jwt.Key]) -> None:
    header, claims = _parts(_sign(keys))
    stranger = jwt.Key(keys[0].kid, Ed25519PrivateKey.generate(), keys[0].public, keys[0].jwk)

    with pytest.raises(jwt.TokenRefused, match="Signature"):
        _verify(_signed(stranger, header, claims), keys)


def test_our_other_key_s_signature_is_not_this_key_s(keys: list[jwt.Key]) -> None:
    header, claims = _parts(_sign(keys))

    with pytest.raises(jwt.TokenRefused, match="Signature"):
        _verify(_signed(keys[1], header, claims), keys)


REWRITTEN: dict[str, Callable[[str], str]] = {
    "trailing bits": lambda token: token[:-1] + chr(ord(token[-1]) + 1),
    "padding": lambda token: token + "==",
    "a space": lambda token: token + " ",
    "a line break": lambda token: token.replace(".", ".\n", 1),
    "the other alphabet": lambda token: token.rpartition(".")[0] + "." + "+/" * 43,
    "no signature": lambda token: token.rpartition(".")[0] + ".",
    "half a signature": lambda token: token[:-43],
    "a doubled signature": lambda token: token + token.rpartition(".")[2],
    "two parts": lambda token: token.rpartition(".")[0],
    "four parts": lambda token: token + ".AAAA",
    "five parts": lambda token: "AAAA.AAAA." + token,
    "empty": lambda token: "..",
    "nothing": lambda token: "",
    "beyond all measure": lambda token: token + "A" * 5000,
    "another character set": lambda token: token.replace("e", "е", 1),
}


@pytest.mark.parametrize("change", REWRITTEN.values(), ids=REWRITTEN)
def test_a_token_written_in_another_way_is_refused(keys: list[jwt.Key], change: Callable[[str], str]) -> None:
    token = next(t for t in (_sign(keys) for _ in range(200)) if t[-1] in "AQgw")  # whose last bits are free
    assert _verify(token, keys)

    with pytest.raises(jwt.TokenRefused):
        _verify(change(token), keys)


def test_every_changed_character_is_noticed(keys: list[jwt.Key]) -> None:
    token = _sign(keys)
    for place in range(0, len(token), 7):
        if token[place] == ".":
            continue
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(jwt.TokenRefused):
            _verify(changed, keys)


def test_the_group_s_order_added_to_s_is_no_second_signature(keys: list[jwt.Key]) -> None:
    """Ed25519 without the check of S < L would take it (RFC 8032 §5.1.7)."""
    order = 2**252 + 27742317777372353535851937790883648493
    head, _, tail = _sign(keys).rpartition(".")
    raw = _unb64(tail)
    s = int.from_bytes(raw[32:], "little") + order
    assert s < 2**256

    with pytest.raises(jwt.TokenRefused, match="Signature"):
        _verify(f"{head}.{_b64(raw[:32] + s.to_bytes(32, 'little'))}", keys)
