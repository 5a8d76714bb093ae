"""Webhooks v2 of Fireblocks: a detached JWS (RS512) over the raw body, with a key of the published JWKS.

https://developers.fireblocks.com/reference/validating-webhooks
https://developers.fireblocks.com/reference/webhook-notification-structure
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Mapping
from typing import Any

import jwt
import requests

from agora.lib.errors import Unavailable
from agora.lib.http import guarded_session
from custody.custodians.base import WebhookEvent, WebhookInvalid
from custody.custodians.phases import phase_of

HEADER = "fireblocks-webhook-signature"
KEYS_FRESH_FOR = 3600.0  # seconds: the JWKS's own Cache-Control max-age; a withdrawn key is forgotten after that
REFETCH_PAUSE = 2.0  # seconds: a stranger's made-up key ids must not turn us into a client that hammers the JWKS


class WebhookVerifier:
    def __init__(self, *, jwks_url: str) -> None:
        self._jwks_url = jwks_url
        self._session = guarded_session(vendor="custodian")
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")

    def verify_webhook(self, *, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        signature = next((value for name, value in headers.items() if name.lower() == HEADER), "")
        header, _, rest = signature.partition(".")
        empty, _, tail = rest.partition(".")
        if not header or empty or not tail or "." in tail:
            raise WebhookInvalid(f"{HEADER} is not a detached JWS")
        token = f"{header}.{base64.urlsafe_b64encode(body).rstrip(b'=').decode()}.{tail}"
        try:
            key = self._key(jwt.get_unverified_header(token))
            jwt.PyJWS().decode(token, key.key, algorithms=["RS512"])
        except (jwt.PyJWTError, UnicodeError) as exc:
            raise WebhookInvalid(f"The signature does not cover this body: {exc}") from exc
        return _event(body)

    def _key(self, header: dict[str, Any]) -> jwt.PyJWK:
        kid = header.get("kid")
        if header.get("alg") != "RS512" or not isinstance(kid, str):
            raise WebhookInvalid("The signature must be RS512 and name its key")
        with self._lock:
            age = time.monotonic() - self._fetched_at
            if age > KEYS_FRESH_FOR or (kid not in self._keys and age > REFETCH_PAUSE):
                self._keys, self._fetched_at = self._fetch(), time.monotonic()
            if kid not in self._keys:
                raise WebhookInvalid(f"No published key is named {kid!r}")
            return self._keys[kid]

    def _fetch(self) -> dict[str, jwt.PyJWK]:
        try:
            response = self._session.get(self._jwks_url)
            response.raise_for_status()
            keys = jwt.PyJWKSet.from_dict(response.json()).keys
        except (requests.RequestException, jwt.PyJWTError, AttributeError) as exc:  # AttributeError: not an object
            raise Unavailable(f"The webhook keys can't be had from {self._jwks_url}: {exc}") from exc
        return {key.key_id: key for key in keys if key.key_id and key.key_type == "RSA"}


def _event(body: bytes) -> WebhookEvent:
    try:
        event = json.loads(body, parse_float=str)
    except ValueError as exc:
        raise WebhookInvalid("The signed body is not JSON") from exc
    if not isinstance(event, dict) or not event.get("id") or not event.get("eventType"):
        raise WebhookInvalid("The signed body is not an event")
    data: dict[str, Any] = event["data"] if isinstance(event.get("data"), dict) else {}
    return WebhookEvent(
        event_id=str(event["id"]),
        event_type=str(event["eventType"]),
        provider_id=str(event.get("resourceId") or data.get("id") or ""),
        external_tx_id=str(data.get("externalTxId") or ""),
        phase=phase_of(str(data.get("status") or ""), str(data.get("subStatus") or "")),
        raw=event,
    )
