"""Nudges from the queue: one id each, and nothing to do when the step is done."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from agora.lib import crashpoints
from custody import services


def open_custody(order_id: str) -> None:
    services.open_custody(order_id=UUID(order_id), now=timezone.now())
    crashpoints.here("custody.after_open")


def advance_custody(record_id: str) -> None:
    services.advance_custody(record_id=UUID(record_id), now=timezone.now())


def process_notification(message_id: str) -> None:
    crashpoints.here("vendor_message.before_process")
    services.process_notification(message_id=int(message_id), now=timezone.now())
    crashpoints.here("vendor_message.after_process")
