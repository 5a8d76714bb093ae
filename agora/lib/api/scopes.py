"""What a credential may do, and what a view wants. Nothing is allowed that is not declared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agora.lib.errors import AgoraError

SCOPES: dict[str, str] = {
    "profile:read": "read the customer's own profile, identity check and limits",
    "profile:write": "send the customer's application",
    "orders:read": "read orders, their custody records, mints and receipts",
    "orders:write": "place and cancel orders",
    "balance:read": "read token balances of the customer's wallets",
    "events:read": "read what happened to the customer's orders, in order",
    "webhooks:read": "read webhook endpoints and deliveries",
    "webhooks:write": "add, change and test webhook endpoints",
}
ALL = tuple(SCOPES)
PUBLIC = "public"  # anybody, without a credential
ANY_CALLER = "any"  # any credential, whatever its scopes


class InsufficientScope(AgoraError):
    code = "insufficient_scope"
    status = 403
    title = "This credential may not do that"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What came with a request: `request.auth`."""

    kind: str  # "key" | "jwt"
    subject: str  # whose: "customer:<id>", or "user:<id>" for a login without one; scopes idempotency keys
    bucket: str  # whose rate it uses
    scopes: frozenset[str]
    requests_per_minute: int | None = None  # None: the usual


def scope_of(view: Any, method: str) -> str | None:
    """What a view wants for a method; None where it says nothing. A view that is all public is so for every method."""
    declared: dict[str, str] = getattr(view, "scopes", {})
    if declared and set(declared.values()) == {PUBLIC}:
        return PUBLIC
    return declared.get("GET" if method == "HEAD" else method)
