"""Nudges from the queue: one id each, and nothing to do when the step is done."""

from __future__ import annotations

from django.utils import timezone

from reserves import services


def refresh(mint_id: str) -> None:
    """A mint settled: compare the books again, unless that was done a moment ago."""
    services.refresh(now=timezone.now())
