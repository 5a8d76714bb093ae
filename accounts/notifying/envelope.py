"""A public event as it travels, and its signatures: Standard Webhooks, https://github.com/standard-webhooks."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from standardwebhooks import Webhook

SECRET_BYTES = 32
USER_AGENT = "Agora-Webhooks/1"


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def put(
    *,
    event_id: UUID,
    type: str,
    at: datetime,
    subject: tuple[str, UUID],
    sequence: int,
    data: Mapping[str, Any],
) -> dict[str, Any]:
    """The event as integrators see it: the same in the feed, in a delivery and in a later one."""
    kind, subject_id = subject
    return {
        "id": str(event_id),
        "type": type,
        "timestamp": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "subject": {"type": kind, "id": str(subject_id)},
        "sequence": sequence,
        "data": dict(data),
    }


def body(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def headers(*, message_id: str, content: bytes, keys: Sequence[str], now: datetime) -> dict[str, str]:
    """Signed now, by each key: while a secret is being rotated, either verifies."""
    now = now.astimezone(UTC)  # the library takes the wall clock's figures for UTC
    text = content.decode()
    return {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(msg_id=message_id, timestamp=now, data=text) for key in keys),
    }
