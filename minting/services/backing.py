"""The token's reserve gate: a mint that it refuses waits, and goes on when the reserves are attested (ADR 0007).

Minting says only that a mint is not backed (`mint.unbacked`); who sees to it is told by agora/pipeline.py.
"""

from __future__ import annotations

import datetime as dt
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from accounts.selectors import active_holds
from accounts.services import place_hold, release_hold
from agora.lib import events, log
from agora.lib.db import serializable
from agora.lib.errors import Rejected
from agora.lib.money import plain
from minting.chains.errors import RESERVE_GATE, RESERVES_SHORT, ContractRefused
from minting.models import MintTx
from minting.states import MintStatus as S
from orders.selectors import RESERVE_HOLD as OWNER

logger = log.get(__name__)
ACTOR = "worker"
FIRST_WAIT = 0.1  # seconds; doubled at each refusal


def is_reserve_refusal(refusal: Rejected) -> bool:
    return refusal.vendor_code in RESERVE_GATE


@serializable
def wait_for_reserves(*, mint_id: UUID, refusal: Rejected, now: datetime) -> None:
    """Leave the mint PENDING and say that it is not backed. After a grace, for a report on its way, hold it."""
    mint = MintTx.objects.select_for_update().get(pk=mint_id)
    if mint.status != S.PENDING:
        return
    mint.unbacked_since = mint.unbacked_since or now
    mint.next_attempt_at = now + timedelta(seconds=min(30.0, FIRST_WAIT * 2 ** min(mint.attempts, 10)))
    mint.save(update_fields=["unbacked_since", "next_attempt_at"])
    if now >= mint.unbacked_since + timedelta(seconds=settings.RESERVE_GRACE):
        place_hold(subject=f"order:{mint.order_id}", owner=OWNER, reason=_sentence(refusal), now=now)
    logger.info("mint not backed", mint=str(mint_id), refusal=refusal.detail)
    events.emit("mint.unbacked", mint.pk, order_id=mint.order_id)


@serializable
def release_backed(*, symbol: str, now: datetime, due_only: bool = False) -> int:
    """Reserves were attested: let the waiting mints of an asset go on; how many do.

    `due_only`: nothing new was attested, so leave out those that were refused a moment ago.
    """
    waiting = _unbacked(symbol=symbol).select_for_update(of=("self",)).order_by("pk")
    rows = list(waiting.filter(next_attempt_at__lte=now) if due_only else waiting)
    for mint in rows:
        release_hold(subject=f"order:{mint.order_id}", owner=OWNER, actor=ACTOR, now=now)
        mint.next_attempt_at = now + timedelta(seconds=settings.NUDGE_AFTER)
        mint.save(update_fields=["next_attempt_at"])
        events.emit("mint.advance", mint.pk, order_id=mint.order_id)
    return len(rows)


@serializable
def explain_wait(*, symbol: str, reason: str, now: datetime) -> None:
    """Say on every waiting order of an asset why no report comes: in the place of what its hold said before."""
    for mint in _unbacked(symbol=symbol).order_by("pk"):
        subject = f"order:{mint.order_id}"
        said = [hold.reason for hold in active_holds(subjects=[subject], now=now) if hold.owner == OWNER]
        if said != [reason]:
            release_hold(subject=subject, owner=OWNER, actor=ACTOR, now=now)
            place_hold(subject=subject, owner=OWNER, reason=reason, now=now)


def _unbacked(*, symbol: str) -> QuerySet[MintTx]:
    return MintTx.objects.filter(
        token__asset__symbol=symbol,
        token__chain_id=settings.CHAIN_ID,
        status=S.PENDING,
        unbacked_since__isnull=False,
    )


def _sentence(refusal: Rejected) -> str:
    """The refusal with its figures."""
    values = refusal.values if isinstance(refusal, ContractRefused) else ()
    if refusal.vendor_code == RESERVES_SHORT:
        reserves, needed = (plain(Decimal(wei).scaleb(-18)) for wei in values)
        return f"{reserves} shares are attested and {needed} are needed"
    if refusal.vendor_code == "ReservesStale":
        when = dt.datetime.fromtimestamp(values[0], dt.UTC)
        return f"the reserves were attested as of {when:%Y-%m-%d %H:%M:%S} UTC, more than {values[1]} s ago"
    return f"the reserve feed has no answer: {refusal.detail.removeprefix('reverted with ')}"
