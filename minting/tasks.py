"""Nudges from the queue: one id each, and nothing to do when the step is done."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from agora.lib import crashpoints
from minting import services


def request_mint(record_id: str) -> None:
    services.request_mint(record_id=UUID(record_id), now=timezone.now())
    crashpoints.here("mint.after_promise")


def advance_mint(mint_id: str) -> None:
    services.advance_mint(mint_id=UUID(mint_id), now=timezone.now())


def resume_signature(request_id: str) -> None:
    services.resume_signature(request_id=request_id, now=timezone.now())


def observe_mint(mint_id: str) -> None:
    services.observe_mint(mint_id=UUID(mint_id), now=timezone.now())


def advance_switch(switch_id: str) -> None:
    services.advance_switch(switch_id=UUID(switch_id), now=timezone.now())
