"""How our sources do, kept where staff can see it."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F

from agora.lib import log
from agora.lib.errors import VendorError
from orders.models import FeedHealth

logger = log.get(__name__)


def record_answer(*, feed: str, now: datetime) -> None:
    if not FeedHealth.objects.filter(feed=feed).update(answered_at=now, failures=0):
        FeedHealth.objects.update_or_create(feed=feed, defaults={"answered_at": now, "failures": 0})


def record_failure(*, feed: str, trouble: VendorError, now: datetime) -> None:
    logger.warning("feed failed", feed=feed, kind=type(trouble).__name__, detail=trouble.detail)
    FeedHealth.objects.get_or_create(feed=feed)
    FeedHealth.objects.filter(feed=feed).update(
        failed_at=now, problem=f"{type(trouble).__name__}: {trouble.detail}"[:1000], failures=F("failures") + 1
    )
