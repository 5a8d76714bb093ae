"""Webhooks: stored raw, verified, answered fast; a task reads the object again from the custodian."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from agora.lib import crashpoints, events
from agora.lib.db import serializable
from agora.lib.errors import Unavailable
from custody.custodians import get_webhook_verifier
from custody.custodians.base import TransferPhase, WebhookEvent, WebhookInvalid
from custody.errors import WebhookKeysUnavailable, WebhookRefused
from custody.models import CustodyRecord, VendorMessage
from custody.services.transferring import advance_custody


def receive_webhook(*, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Keep a notification and queue the look-up. Raises WebhookRefused, WebhookKeysUnavailable."""
    try:
        event = get_webhook_verifier().verify_webhook(headers=headers, body=body)
    except WebhookInvalid as problem:
        raise WebhookRefused(str(problem)) from problem
    except Unavailable as problem:
        raise WebhookKeysUnavailable from problem
    crashpoints.here("vendor_message.before_save")
    _store(event=event, body=body, now=now)
    crashpoints.here("vendor_message.after_save")


@serializable
def _store(*, event: WebhookEvent, body: bytes, now: datetime) -> None:
    digest = hashlib.sha256(body).hexdigest()
    if VendorMessage.objects.filter(digest=digest).exists():
        return
    message = VendorMessage.objects.create(
        digest=digest,
        event_id=event.event_id[:80],
        event_type=event.event_type[:60],
        provider_id=event.provider_id[:64],
        external_tx_id=event.external_tx_id[:80],
        body=body.decode(errors="replace"),
        received_at=now,
    )
    # Of the five or so notifications of a transaction one is worth a look-up. One wrongly skipped costs a sweep's wait.
    if event.external_tx_id and event.phase != TransferPhase.PENDING:
        events.emit("custody.notified", str(message.pk))


def process_notification(*, message_id: int, now: datetime) -> None:
    """Look up what a webhook is about: a custody record, or a signature that minting waits for."""
    message = VendorMessage.objects.get(pk=message_id)
    record = CustodyRecord.objects.filter(external_tx_id=message.external_tx_id).first()
    if record:
        advance_custody(record_id=record.pk, now=now)
    else:
        _pass_on(external_tx_id=message.external_tx_id)


@serializable
def _pass_on(*, external_tx_id: str) -> None:
    events.emit("signature.updated", external_tx_id)
