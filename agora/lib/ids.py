"""Identifiers. Ours are made and committed before any vendor hears of them."""

from __future__ import annotations

import os
import threading
import time
from uuid import UUID

PREFIX = "agora"  # every id we give to a vendor starts with it: what carries it and has no row is a finding


_STEPS_PER_MS = 1 << 12  # the 12 bits after the version hold the time's fraction of a millisecond
_turn = threading.Lock()
_last_step = 0


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562 §5.7, counted by §6.2's method 3): unique, and in the order in which a process made them."""
    global _last_step  # the one thing to remember: two ids of one moment must still stand in order
    with _turn:
        _last_step = max(_last_step + 1, time.time_ns() * _STEPS_PER_MS // 1_000_000)
        milliseconds, fraction = divmod(_last_step, _STEPS_PER_MS)
    tail = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    return UUID(int=(milliseconds & ((1 << 48) - 1)) << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | tail)


def broker_client_order_id(order_id: UUID) -> str:
    """38 characters; Alpaca takes at most 48 (older documents)."""
    return f"{PREFIX}-{order_id.hex}"


def custody_external_tx_id(record_id: UUID, attempt: int) -> str:
    """A new attempt needs a new id: Fireblocks burns an id even when its transaction failed."""
    return f"{PREFIX}-custody-{record_id.hex}-{attempt}"


def signature_request_id(attempt_id: UUID, request: int) -> str:
    return f"{PREFIX}-sign-{attempt_id.hex}-{request}"


def mint_key(broker: str, broker_order_id: str, sequence: int) -> str:
    """The `brokerTradeId` under which the n-th tranche of an order's fills is minted, once, on-chain (ADR 0003)."""
    return f"{broker}:{broker_order_id}:{sequence}"


def kyc_user_id(customer_id: UUID) -> str:
    """How the identity provider knows a customer, for good."""
    return f"{PREFIX}-customer-{customer_id.hex}"


def customer_id_of(external_user_id: str) -> UUID | None:
    """The other way round; None for an id that is not ours."""
    text = external_user_id.removeprefix(f"{PREFIX}-customer-")
    try:
        return UUID(hex=text) if text != external_user_id else None
    except ValueError:
        return None
