"""Access tokens: JWTs (RFC 7519, RFC 8725) signed with Ed25519, good for ten minutes at most.

The algorithm is the key's, never the token's: a token is only looked at with the key that its `kid` names, and one that
brings a key of its own (`jwk`, `jku`, `x5u`, `x5c`) or wants an extension (`crit`) is refused unread.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agora.lib import keyfiles

ALGORITHM = "EdDSA"
TYPE = "at+jwt"  # RFC 9068
GOOD_FOR = timedelta(minutes=10)
LEEWAY = timedelta(seconds=30)  # between the clocks of our own machines
LONGEST = 4096
_HEADER = {"alg", "kid", "typ"}
_CLAIMS = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "scope"]
_SEGMENT = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class TokenRefused(Exception):
    """Not a token of ours that is good now. The message is for logs and tests, not for the caller."""


@dataclass(frozen=True, slots=True)
class Key:
    kid: str  # RFC 7638's thumbprint of the public key
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    jwk: dict[str, str]  # the public key, RFC 8037


def load_keys(path: Path) -> list[Key]:
    """The keys of a file, the signing one first; read again when the file changes. Raises KeyFileRefused."""
    return _load(path, path.stat().st_mtime_ns if path.exists() else 0)


def sign(
    *, keys: list[Key], issuer: str, audience: str, subject: str, scopes: list[str], session: str, now: datetime
) -> str:
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "sid": session,
        "scope": " ".join(scopes),
        "iat": int(now.timestamp()),
        "nbf": int(now.timestamp()),
        "exp": int((now + GOOD_FOR).timestamp()),
        "jti": uuid4().hex,
    }
    return jwt.encode(claims, keys[0].private, algorithm=ALGORITHM, headers={"kid": keys[0].kid, "typ": TYPE})


def verify(token: str, *, keys: list[Key], issuer: str, audience: str, now: datetime) -> dict[str, Any]:
    """The claims of a token that we signed and that is good now. Raises TokenRefused."""
    key = _key_of(_header(token), keys)
    try:
        claims = jwt.decode(
            token,
            key.public,
            algorithms=[ALGORITHM],
            audience=audience,
            issuer=issuer,
            # The times are compared below, with the caller's clock.
            options={
                "require": _CLAIMS,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "strict_aud": True,
            },
        )
    except jwt.PyJWTError as problem:
        raise TokenRefused(str(problem)) from problem
    _check_times(claims, now)
    if not all(isinstance(claims[name], str) for name in ("sub", "jti", "scope")):
        raise TokenRefused("a claim is not text")
    return claims


def jwks(keys: list[Key]) -> dict[str, Any]:
    return {"keys": [key.jwk for key in keys]}


def looks_like_one(text: str) -> bool:
    return text.count(".") == 2


def _header(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(token) > LONGEST or len(parts) != 3 or not all(_SEGMENT.fullmatch(part) for part in parts):
        raise TokenRefused("not three segments of base64url")
    decoded = [_canonical(part) for part in parts]
    header = _object(decoded[0])
    _object(decoded[1])
    if set(header) != _HEADER or header["typ"] != TYPE or header["alg"] != ALGORITHM:
        raise TokenRefused(f"the header is not of our form: {sorted(header)}")
    return header


def _key_of(header: dict[str, Any], keys: list[Key]) -> Key:
    for key in keys:
        if key.kid == header["kid"]:
            return key
    raise TokenRefused("no key of that kid")


def _check_times(claims: dict[str, Any], now: datetime) -> None:
    times = [claims[name] for name in ("iat", "nbf", "exp")]
    if not all(type(time) is int for time in times):
        raise TokenRefused("a time is not a whole number")
    issued, not_before, expires = times
    at, leeway = now.timestamp(), LEEWAY.total_seconds()
    if expires <= at - leeway or not_before > at + leeway or issued > at + leeway:
        raise TokenRefused("expired, or not good yet")
    if expires - issued > GOOD_FOR.total_seconds():
        raise TokenRefused("good for too long")


def _canonical(segment: str) -> bytes:
    """One text for each value: the bits beyond the last byte must be 0, or a token could be written in several ways."""
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (ValueError, binascii.Error) as problem:
        raise TokenRefused("not base64url") from problem
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != segment:
        raise TokenRefused("base64url with trailing bits")
    return raw


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw, object_pairs_hook=_once, parse_constant=_not_json)
    except (ValueError, RecursionError) as problem:
        raise TokenRefused("not JSON") from problem
    if not isinstance(value, dict):
        raise TokenRefused("not an object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise TokenRefused("a name comes twice")
    return dict(pairs)


def _not_json(constant: str) -> NoReturn:
    raise TokenRefused(f"{constant} is not JSON")


@functools.lru_cache(maxsize=8)
def _load(path: Path, changed_at: int) -> list[Key]:
    return [_key(bytes.fromhex(seed.removeprefix("0x"))) for seed in keyfiles.read(path)]


def _key(seed: bytes) -> Key:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key()
    x = base64.urlsafe_b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).rstrip(b"=").decode()
    required = {"crv": "Ed25519", "kty": "OKP", "x": x}  # in RFC 7638's order
    digest = hashlib.sha256(json.dumps(required, separators=(",", ":")).encode()).digest()
    kid = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return Key(kid, private, public, {**required, "kid": kid, "use": "sig", "alg": ALGORITHM})
