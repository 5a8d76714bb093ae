"""Nudges from the queue: one id each, and nothing to do when the step is done."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from accounts import services


def send_email_confirmation(customer_id: str) -> None:
    services.send_email_confirmation(customer_id=UUID(customer_id))


def check_identity(customer_id: str) -> None:
    services.check_identity(customer_id=UUID(customer_id), now=timezone.now())


def process_kyc_notification(message_id: str) -> None:
    services.process_kyc_notification(message_id=int(message_id), now=timezone.now())


def prune_challenges() -> None:
    services.prune_challenges(now=timezone.now())


def send_webhook_notice(endpoint_id: str) -> None:
    services.send_webhook_notice(endpoint_id=UUID(endpoint_id))


def prune_deliveries() -> None:
    services.prune_deliveries(now=timezone.now())


def erase_closed_accounts() -> None:
    services.erase_closed_accounts(now=timezone.now())


def prune_api() -> None:
    """Answers older than their keys' 72 hours, and sessions that ended long ago."""
    services.prune_idempotency_keys(now=timezone.now())
    services.prune_sessions(now=timezone.now())
