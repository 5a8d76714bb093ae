"""Nudges from the queue: one id each, and nothing to do when the step is done."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from orders import services


def submit_order(order_id: str) -> None:
    services.submit_order(order_id=UUID(order_id), now=timezone.now())


def cancel_order(order_id: str) -> None:
    services.send_cancel(order_id=UUID(order_id), now=timezone.now())
