"""Looking at whether our addresses can still pay for what they send."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from minting.services import look_at_budgets
from reserves.publishers import get_publisher


def watch_budgets(*, now: datetime) -> None:
    """Note what every minter and the publisher have left. Raises VendorError, KeyFileRefused."""
    publishers = [get_publisher().address] if settings.RESERVE_PUBLISHER_KEY_FILE else []
    look_at_budgets(publishers=publishers, now=now)
