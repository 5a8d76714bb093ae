"""That a customer took a copy of their data."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from accounts.errors import SignInAgain
from accounts.models import Customer, DataExport

RECENT = timedelta(minutes=15)


def check_recent_sign_in(*, signed_in_at: datetime | None, now: datetime) -> None:
    """Raise SignInAgain unless this browser's visitor proved who they are a short while ago."""
    if signed_in_at is None or not now - RECENT <= signed_in_at <= now + timedelta(seconds=1):
        raise SignInAgain("Sign out and in again, then repeat this: a session left open must not be enough for it.")


def record_data_export(*, customer: Customer, content: bytes, now: datetime) -> DataExport:
    """Before the bytes are handed over: a copy without a row would be worse than a row without a copy."""
    return DataExport.objects.create(
        customer=customer,
        actor=f"customer:{customer.pk}",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        at=now,
    )
