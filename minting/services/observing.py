"""Looking after a mint that was sent: its receipts, and its bytes once more."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from accounts.services import place_hold
from agora.lib import crashpoints, events, locks, log, transitions
from agora.lib.db import serializable
from agora.lib.errors import Rejected, Unavailable, Uncertain
from minting.chains import get_chain
from minting.models import MintTx, TxAttempt
from minting.states import MintStatus as S

logger = log.get(__name__)
OWNER = "minting-guard"
MAX_REVERTS = 3


def observe_mint(*, mint_id: UUID, now: datetime) -> None:
    """For a SENT mint that is due: no receipt → the same bytes again; reverted → anew. The watcher confirms."""
    with locks.exclusive("mint", mint_id) as mine:
        if not mine or not _claim(mint_id=mint_id, now=now):
            return
        attempts = list(TxAttempt.objects.filter(mint_id=mint_id, reverted_at=None).exclude(raw=None))
        chain = get_chain()
        try:
            receipts = chain.receipts([attempt.tx_hash for attempt in attempts])
            for attempt in attempts:
                receipt = receipts.get(attempt.tx_hash)
                if receipt is None:
                    crashpoints.here("observe.before_resend")
                    chain.broadcast(bytes(attempt.raw or b""))
                    crashpoints.here("observe.after_resend")
                elif not receipt.succeeded:
                    crashpoints.here("observe.before_revert")
                    _revert(attempt_id=attempt.pk, now=now)
        except (Rejected, Unavailable, Uncertain) as trouble:
            logger.warning("observation postponed", mint=str(mint_id), detail=trouble.detail)


@serializable
def _claim(*, mint_id: UUID, now: datetime) -> bool:
    mint = MintTx.objects.select_for_update().get(pk=mint_id)
    if mint.status != S.SENT or (mint.next_attempt_at and mint.next_attempt_at > now):
        return False
    mint.attempts += 1
    mint.next_attempt_at = now + timedelta(seconds=min(60.0, settings.NUDGE_AFTER * 1.5 ** min(mint.attempts, 10)))
    mint.save(update_fields=["attempts", "next_attempt_at"])
    return True


@serializable
def _revert(*, attempt_id: UUID, now: datetime) -> None:
    """Mined with status 0: that nonce is spent and its bytes can never mint, so a new signature is safe."""
    attempt = TxAttempt.objects.select_for_update(of=("self",)).select_related("mint").get(pk=attempt_id)
    mint = MintTx.objects.select_for_update().get(pk=attempt.mint_id)
    if mint.status != S.SENT or attempt.reverted_at:
        return
    attempt.reverted_at = now
    attempt.save(update_fields=["reverted_at"])
    mint.next_attempt_at = now
    transitions.apply(mint, to=S.PENDING, actor="chain", reason="reverted", data={"tx_hash": attempt.tx_hash}, now=now)
    if mint.tx_attempts.exclude(reverted_at=None).count() >= MAX_REVERTS:
        place_hold(subject=f"order:{mint.order_id}", owner=OWNER, reason="its mint reverts again and again", now=now)
    events.emit("mint.advance", mint.pk)
