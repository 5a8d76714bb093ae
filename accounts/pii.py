"""Tax ids and webhook secrets at rest: encrypted, bound to their row; tax ids findable by whoever has the index key.

Sealed form: `v1.<key id>.<base64url of nonce ‖ AES-256-GCM ciphertext>`. Rotation: put a new key first in PII_KEYS, run
`manage.py reseal_pii`, then drop the old one. The index key cannot rotate without reading every tax id anew.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_VERSION = "v1"
_NONCE = 12  # bytes, as GCM wants it
_KEY_ID = re.compile(r"[a-z0-9-]+")


class Unreadable(Exception):
    """Sealed by a key that is not in PII_KEYS, for another row, or changed since."""


def seal(plain: str, *, owner: str) -> str:
    """`owner` names the row: the sealed text cannot be read at any other."""
    key_id, key = next(iter(_keys().items()))
    nonce = os.urandom(_NONCE)
    box = nonce + AESGCM(key).encrypt(nonce, plain.encode(), owner.encode())
    return f"{_VERSION}.{key_id}.{base64.urlsafe_b64encode(box).decode()}"


def unseal(sealed: str, *, owner: str) -> str:
    """Raises Unreadable."""
    try:
        version, key_id, text = sealed.split(".")
        box = base64.urlsafe_b64decode(text)
        key = _keys()[key_id]
        if version != _VERSION:
            raise Unreadable(f"sealed as {version}")
        return AESGCM(key).decrypt(box[:_NONCE], box[_NONCE:], owner.encode()).decode()
    except (ValueError, KeyError, InvalidTag) as problem:
        raise Unreadable(type(problem).__name__) from problem


def is_current(sealed: str) -> bool:
    """Whether the key that encrypts today sealed it."""
    return sealed.startswith(f"{_VERSION}.{next(iter(_keys()))}.")


def index(*parts: str) -> str:
    """A keyed hash, equal for equal parts: uniqueness without plaintext, and no dictionary attack without the key."""
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hmac.new(_bytes(settings.PII_INDEX_KEY, "PII_INDEX_KEY"), message, hashlib.sha256).hexdigest()


def check_keys() -> None:
    """Raises ImproperlyConfigured, saying what to set."""
    _keys()
    _bytes(settings.PII_INDEX_KEY, "PII_INDEX_KEY")


def _keys() -> dict[str, bytes]:
    pairs = [entry.partition(":") for entry in settings.PII_KEYS]
    if not pairs or not all(_KEY_ID.fullmatch(key_id) for key_id, _, _ in pairs):
        raise ImproperlyConfigured("PII_KEYS: give id:base64 pairs, the newest first; ids of a-z, 0-9 and -")
    return {key_id: _bytes(text, "PII_KEYS") for key_id, _, text in pairs}


def _bytes(text: str, name: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as problem:
        raise ImproperlyConfigured(f"{name}: not base64") from problem
    if len(key) != 32:
        raise ImproperlyConfigured(f"{name}: {len(key)} bytes, not 32")
    return key
