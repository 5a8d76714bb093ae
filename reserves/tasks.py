"""Nudges from the queue: one id each, and nothing to do when the step is done."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from django.utils import timezone

from agora.lib.errors import Unavailable, Uncertain
from reserves import services


def refresh(mint_id: str) -> None:
    """A mint settled: compare the books again, unless that was done a moment ago."""
    services.refresh(now=timezone.now())


def reconcile_asked(actor: str) -> None:
    """Staff asked for a comparison now. Twice costs a look at the vendors."""
    services.refresh(now=timezone.now(), fresh=timedelta(0))


def publish_reserves(subject_id: str) -> None:
    """Shares came into custody, or a mint waits for them to be attested: attest whatever needs it, all at once."""
    with suppress(Unavailable, Uncertain):  # logged; the follower's loop goes on with it
        services.keep_attested(now=timezone.now())
