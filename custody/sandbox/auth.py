"""Who is calling: the JWT of each request (https://developers.fireblocks.com/reference/signing-a-request-jwt-structure).

RS256; `uri` is path and query; `nonce` is used once; `exp` is near `iat`; `bodyHash` is SHA-256 of the raw body. The
page says exp < iat + 30 s while both SDKs send + 55 s: 60 s are allowed, as the real service must.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from custody.sandbox import wire
from custody.sandbox.store import Store
from custody.sandbox.wire import ApiError

LONGEST_LIFE = 60  # seconds between iat and exp
SKEW = 5  # seconds of clock difference that are forgiven
# The old SDK hashes json.dumps("") of a GET, the new one the empty body
EMPTY_HASHES = {hashlib.sha256(b"").hexdigest(), hashlib.sha256(b'""').hexdigest()}


class Authenticator:
    """`public_key_files`: API key → PEM. With a `signer`, the workspace's policy lets nobody else sign RAW."""

    def __init__(self, store: Store, *, public_key_files: Mapping[str, Path], signer: str = "") -> None:
        self._store = store
        self._signer = signer
        self._public_keys = {api_key: _load(path) for api_key, path in public_key_files.items()}

    def may_sign(self, api_key: str) -> bool:
        return self._signer in ("", api_key)

    def check(self, *, headers: Mapping[str, str], uri: str, body: bytes) -> str:
        """The API user; ApiError 401 unless the request is theirs, unchanged, fresh and seen for the first time."""
        api_key = headers.get("X-API-Key", "")
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _refused(wire.MISSING_JWT, "Unauthorized: Missing JWT")
        if not api_key:
            raise _refused(wire.MISSING_API_KEY, "Unauthorized: Missing API key")
        claims = self._claims(token, self._public_keys.get(api_key, next(iter(self._public_keys.values()))))
        if api_key not in self._public_keys or claims.get("sub") != api_key:
            raise _refused(wire.WRONG_USER, "Unauthorized: Wrong user in the JWT")
        if claims.get("uri") != uri:
            raise _refused(wire.WRONG_URI, "Unauthorized: Wrong URL in the JWT")
        expires_at = _check_times(claims)
        accepted = {hashlib.sha256(body).hexdigest()} if body else EMPTY_HASHES
        if claims.get("bodyHash") not in accepted:
            raise _refused(wire.NOT_ACCEPTED, "Unauthorized: Token was not accepted (bodyHash)")
        self._burn_nonce(claims.get("nonce"), expires_at)
        return api_key

    def _claims(self, token: str, public_key: RSAPublicKey) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                public_key,
                algorithms=["RS256"],
                options={"verify_exp": False, "verify_iat": False, "verify_sub": False},  # judged with our own codes
            )
        except jwt.InvalidSignatureError as exc:
            raise _refused(wire.INVALID_SIGNATURE, "Unauthorized: Invalid signature") from exc
        except jwt.PyJWTError as exc:
            raise _refused(wire.NOT_ACCEPTED, f"Unauthorized: Token was not accepted ({exc})") from exc

    def _burn_nonce(self, nonce: object, expires_at: float) -> None:
        if not isinstance(nonce, int | str) or nonce == "":
            raise _refused(wire.NOT_ACCEPTED, "Unauthorized: Token was not accepted (nonce)")
        with self._store.atomic():
            self._store.run("DELETE FROM nonces WHERE expires_at < ?", time.time() - SKEW)
            if self._store.one("SELECT 1 FROM nonces WHERE nonce = ?", str(nonce)):
                raise _refused(wire.NOT_ACCEPTED, "Unauthorized: Token was not accepted (nonce was used)")
            self._store.run("INSERT INTO nonces VALUES (?, ?)", str(nonce), expires_at)


def _load(path: Path) -> RSAPublicKey:
    key = load_pem_public_key(path.read_bytes())
    if not isinstance(key, RSAPublicKey):
        raise TypeError(f"{path} is not an RSA public key")
    return key


def _check_times(claims: dict[str, Any]) -> float:
    issued_at, expires_at, now = claims.get("iat"), claims.get("exp"), time.time()
    if not isinstance(issued_at, int | float) or not isinstance(expires_at, int | float):
        raise _refused(wire.NOT_ACCEPTED, "Unauthorized: Token was not accepted (iat, exp)")
    if issued_at > now + SKEW:
        raise _refused(wire.FUTURE_IAT, "Unauthorized: The request is with a future issuance timestamp")
    if expires_at < now - SKEW or expires_at - issued_at > LONGEST_LIFE:
        raise _refused(wire.EXPIRED, "Unauthorized: The request has expired")
    return float(expires_at)


def _refused(code: int, message: str) -> ApiError:
    return ApiError(401, code, message)
