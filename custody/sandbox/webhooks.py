"""Webhooks v2: one event a status change, signed as a detached JWS, retried (unless refused with another 4xx).

https://developers.fireblocks.com/reference/webhook-notification-structure
https://developers.fireblocks.com/reference/validating-webhooks
https://developers.fireblocks.com/reference/webhooks-gettingstarted-responsesretries
"""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import secrets
import sqlite3
import time
import uuid
from typing import Any

import aiohttp
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import RSAAlgorithm

from custody.sandbox.faults import LATE
from custody.sandbox.rendering import render
from custody.sandbox.store import Store

HEADER = "Fireblocks-Webhook-Signature"
WORKSPACE_ID = "a90a0000-0000-4000-8000-000000000000"
ANSWER_WITHIN = 5.0  # seconds
REVERSE_GAP = 0.15  # seconds a step, for scenario webhooks.reverse


def enqueue(store: Store, event_type: str, row: sqlite3.Row) -> None:
    """In the caller's commit: a status that was reached is a status that will be told."""
    wanted = json.loads(row["options"]).get("webhooks", {})
    if not store.settings["webhook_url"] or wanted.get("drop"):
        return
    now = time.time()
    event = {
        "id": str(uuid.uuid4()),
        "eventType": event_type,
        "eventVersion": 1,
        "resourceId": row["id"],
        "data": render(store, row),
        "createdAt": int(now * 1000),
        "workspaceId": WORKSPACE_ID,
    }
    later: float = len(json.loads(row["steps"])) * REVERSE_GAP if wanted.get("reverse") else 0
    dealt = store.deal_fault("webhook", transaction_id=row["id"])
    if dealt == "swallow":
        return
    later += LATE if dealt == "late" else 0
    for _ in range(2 if dealt == "duplicate" else wanted.get("duplicate", 1)):
        store.run(
            "INSERT INTO webhooks (transaction_id, body, next_at) VALUES (?, ?, ?)",
            row["id"],
            json.dumps(event).encode(),
            now + later,
        )


def rotate_key(store: Store) -> str:
    """A new signing key; the old ones stay published."""
    kid = "sandbox-webhook-key-" + secrets.token_hex(4)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    store.run("INSERT INTO webhook_keys VALUES (?, ?, ?)", kid, pem, time.time())
    return kid


def jwks(store: Store) -> dict[str, Any]:
    keys = []
    for row in store.all("SELECT * FROM webhook_keys"):
        public = RSAAlgorithm.to_jwk(_private_key(row["pem"]).public_key(), as_dict=True)
        numbers = {name: public[name] for name in ("kty", "n", "e")}
        keys.append(numbers | {"kid": row["kid"], "use": "sig", "alg": "RS512"})
    return {"keys": keys}


def sign(store: Store, body: bytes) -> str:
    row = store.one("SELECT * FROM webhook_keys ORDER BY created_at DESC LIMIT 1")
    assert row is not None
    token = jwt.PyJWS().encode(body, _private_key(row["pem"]), algorithm="RS512", headers={"kid": row["kid"]})
    header, payload, signature = token.split(".")
    assert payload == base64.urlsafe_b64encode(body).rstrip(b"=").decode()
    return f"{header}..{signature}"


@functools.lru_cache(maxsize=16)
def _private_key(pem: str) -> RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    return key


async def deliver_due(store: Store, session: aiohttp.ClientSession) -> None:
    """Send what is due; in order for one transaction, side by side for several."""
    due = store.all("SELECT * FROM webhooks WHERE next_at <= ? ORDER BY next_at, id LIMIT 100", time.time())
    by_transaction: dict[str, list[sqlite3.Row]] = {}
    for row in due:
        by_transaction.setdefault(row["transaction_id"], []).append(row)
    await asyncio.gather(*(_deliver(store, session, rows) for rows in by_transaction.values()))


async def _deliver(store: Store, session: aiohttp.ClientSession, rows: list[sqlite3.Row]) -> None:
    for row in rows:
        status = await _post(store, session, row["body"])
        pauses = store.settings["webhook_retry_seconds"]
        again = (status == 0 or status in (408, 429) or status >= 500) and row["attempts"] < len(pauses)
        next_at = time.time() + pauses[row["attempts"]] if again else None
        with store.atomic():
            store.run("UPDATE webhooks SET attempts = attempts + 1, next_at = ? WHERE id = ?", next_at, row["id"])
            store.log("webhook", transaction_id=row["transaction_id"], status=status, will_retry=again)


async def _post(store: Store, session: aiohttp.ClientSession, body: bytes) -> int:
    """The receiver's status, 0 when there is none."""
    headers = {"Content-Type": "application/json", HEADER: sign(store, body)}
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN)
    url = store.settings["webhook_url"]
    try:
        async with session.post(url, data=body, headers=headers, timeout=timeout, allow_redirects=False) as response:
            return response.status
    except (aiohttp.ClientError, TimeoutError, OSError):
        return 0
