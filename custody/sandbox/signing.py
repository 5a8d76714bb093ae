"""RAW signing with a vault account's own secp256k1 key, in Fireblocks' format.

https://developers.fireblocks.com/reference/raw-signing-objects
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from coincurve import PrivateKey

from custody.sandbox import wire
from custody.sandbox.wire import ApiError

ALGORITHM = "MPC_ECDSA_SECP256K1"
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    return list(((body.get("extraParameters") or {}).get("rawMessageData") or {}).get("messages") or [])


def check(body: dict[str, Any]) -> None:
    algorithm = ((body.get("extraParameters") or {}).get("rawMessageData") or {}).get("algorithm", ALGORITHM)
    contents = [message.get("content") for message in messages(body)]
    if algorithm != ALGORITHM or not contents or not all(_is_digest(content) for content in contents):
        raise ApiError(400, wire.UNLISTED, f"rawMessageData: 32-byte hex contents for {ALGORITHM} are required")


def _is_digest(content: object) -> bool:
    if not isinstance(content, str) or len(content) != 64:
        return False
    return all(character in "0123456789abcdefABCDEF" for character in content)


def signed_messages(transaction: sqlite3.Row, account: sqlite3.Row, trick: str | None) -> list[dict[str, Any]]:
    contents = [message["content"] for message in messages(json.loads(transaction["request"]))]
    return [_signed(content, account, trick) for content in contents]


def _signed(content: str, account: sqlite3.Row, trick: str | None) -> dict[str, Any]:
    key = PrivateKey() if trick == "wrong_key" else PrivateKey(bytes.fromhex(account["private_key"]))
    digest = b"\x07" * 32 if trick == "wrong_digest" else bytes.fromhex(content)
    signature = key.sign_recoverable(digest, hasher=None)
    r, s, v = signature[:32], signature[32:64], signature[64]
    if trick == "high_s":
        s, v = (CURVE_ORDER - int.from_bytes(s)).to_bytes(32), v ^ 1
    return {
        "derivationPath": [44, 60, account["id"], 0, 0],
        "algorithm": ALGORITHM,
        "publicKey": key.public_key.format().hex(),
        "signature": {"fullSig": (r + s).hex(), "r": r.hex(), "s": s.hex(), "v": v},
        "content": content,
    }
