"""Writes about reserves. One module a verb; callers use these names."""

from reserves.services.attesting import keep_attested
from reserves.services.reconciling import EVERY, reconcile, refresh

__all__ = ["EVERY", "keep_attested", "reconcile", "refresh"]
