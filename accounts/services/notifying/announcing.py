"""Writing down, in the transaction that makes a fact true, that integrators are to hear of it (agora/pipeline.py)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import Customer, CustomerEvent, PublicEvent, WebhookEndpoint, WebhookEndpointEvent
from accounts.notifying import types
from agora.lib import prepared


def announce(
    *,
    type: str,
    customer_id: UUID,
    subject: tuple[str, UUID],
    sequence: int,
    data: Mapping[str, Any],
    at: datetime,
) -> PublicEvent:
    """Add a public event of a subject (kind, id); `data` is JSON without a name, e-mail, tax id, address or IP.

    The one of this subject and sequence exists already: IntegrityError.
    """
    if type not in types.ALL:
        raise ValueError(f"{type!r} is not in accounts/notifying/types.py")
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"announce({type!r}) outside a transaction: it would not be atomic with its cause")
    kind, subject_id = subject
    event = PublicEvent(
        type=type,
        customer_id=customer_id,
        subject_kind=kind,
        subject_id=subject_id,
        sequence=sequence,
        data=dict(data),
        at=at,
    )
    prepared.insert(event)
    return event


def announce_customer(*, row: Customer, move: CustomerEvent) -> None:
    announce(
        type=types.CUSTOMER[move.to_status] if move.from_status else types.CUSTOMER_REGISTERED,
        customer_id=row.pk,
        subject=("customer", row.pk),
        sequence=move.sequence,
        data={
            "customer_id": str(row.pk),
            "status": move.to_status,
            "previous_status": move.from_status or None,
            "reject_kind": row.kyc_reject_kind or None,
        },
        at=move.at,
    )


def announce_endpoint(*, row: WebhookEndpoint, move: WebhookEndpointEvent) -> None:
    """Also of what its owner did: whoever adds an endpoint with a stolen key is heard of by the others."""
    announce(
        type=types.ENDPOINT[move.to_status] if move.from_status else types.ENDPOINT_CREATED,
        customer_id=row.customer_id,
        subject=("webhook_endpoint", row.pk),
        sequence=move.sequence,
        data={
            "endpoint_id": str(row.pk),
            "status": move.to_status,
            "previous_status": move.from_status or None,
            "reason": row.disabled_reason or None,
        },
        at=move.at,
    )
