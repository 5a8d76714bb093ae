"""Looking after a mint that was sent: its receipts, its nonce, and its bytes once more."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from accounts.services import place_hold
from agora.lib import crashpoints, events, locks, log, transitions
from agora.lib.db import serializable
from agora.lib.errors import Rejected, Unavailable, Uncertain
from minting.chains import get_chain
from minting.models import ForeignNonce, MintTx, Reorg, TxAttempt
from minting.services.guarding import give_up_spent
from minting.services.replacing import resend, send_again
from minting.services.signing import ask_for_signature, save_bytes
from minting.states import IN_FLIGHT
from minting.states import MintStatus as S

logger = log.get(__name__)
OWNER = "minting-guard"
MAX_REVERTS = 3  # each had been simulated as good: a third one is for people to explain


def observe_mint(*, mint_id: UUID, now: datetime) -> None:
    """For a SENT mint that is due: no receipt → the bytes again, or at a higher price; reverted → anew; its nonce used
    elsewhere → an alarm. The watcher confirms."""
    with locks.exclusive("mint", mint_id) as mine:
        if not mine or not _claim(mint_id=mint_id, now=now):
            return
        try:
            _observe(MintTx.objects.select_related("token").get(pk=mint_id), now)
        except (Rejected, Unavailable, Uncertain) as trouble:
            logger.warning("observation postponed", mint=str(mint_id), detail=trouble.detail)


def _observe(mint: MintTx, now: datetime) -> None:
    live = mint.tx_attempts.filter(reverted_at=None, superseded_at=None).order_by("bump")
    attempts = list(live)
    if not attempts:
        _revive(mint_id=mint.pk, now=now)
        return
    signed = {attempt.tx_hash: attempt for attempt in attempts if attempt.raw}
    if not signed:
        return
    chain = get_chain()
    receipts = chain.receipts(list(signed))
    for tx_hash, receipt in receipts.items():
        if not receipt.succeeded:
            crashpoints.here("observe.before_revert")
            _revert(attempt_id=signed[tx_hash].pk, now=now)
    if receipts:
        return
    next_nonce, nonce = chain.next_nonce(attempts[0].signer), attempts[0].nonce
    if next_nonce > nonce:
        if not give_up_spent(mint_id=mint.pk, attempts=attempts, now=now):
            logger.info("nonce spent, by whom is not settled", mint=str(mint.pk), nonce=nonce)
        return
    if next_nonce < nonce:
        _fill_holes(attempts[0], next_nonce=next_nonce, now=now)
    send_again(mint=mint, attempts=attempts, is_next=next_nonce == nonce, now=now)


def _fill_holes(attempt: TxAttempt, *, next_nonce: int, now: datetime) -> None:
    """Send what stands below this one and nobody looks after, for nothing above its nonce is mined until it is: it was
    given up, or its mint is on the chain by another transaction, and the block that had it left the chain since. The
    same bytes, so it is safe: should they mint this time, the key is used, and what was signed after them reverts."""
    below = TxAttempt.objects.filter(chain_id=attempt.chain_id, signer=attempt.signer)
    holes = below.filter(nonce__gte=next_nonce, nonce__lt=attempt.nonce).select_related("mint__token")
    looked_after = Q(reverted_at=None, superseded_at=None, mint__status__in=IN_FLIGHT)
    for hole in holes.exclude(looked_after).order_by("nonce", "bump"):
        if raw := hole.raw or _sign_after_all(hole, now):
            resend(raw=bytes(raw), mint_id=hole.mint_id)


def _sign_after_all(hole: TxAttempt, now: datetime) -> bytes | None:
    """Of a mint that came onto the chain while this waited for a signature. None: it still does, or needs none."""
    if (
        TxAttempt.objects.filter(chain_id=hole.chain_id, signer=hole.signer, nonce=hole.nonce)
        .exclude(raw=None)
        .exists()
    ):
        return None
    signed = ask_for_signature(mint=hole.mint, attempt=hole, now=now)
    if signed is None:
        return None
    save_bytes(attempt=hole, signed=signed, now=now)
    return signed.raw


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
def _revive(*, mint_id: UUID, now: datetime) -> None:
    """What a block said of an attempt ends with that block: its bytes reverted, a reorg took that back, they minted,
    and another reorg took that, too. The last is looked after again; its receipt and its nonce say what comes next."""
    mint = MintTx.objects.select_for_update(of=("self",)).select_related("token").get(pk=mint_id)
    if mint.status != S.SENT:
        return
    token = mint.token
    spent = ForeignNonce.objects.filter(chain_id=token.chain_id, signer=token.minter).values("nonce")
    last = mint.tx_attempts.exclude(raw=None).exclude(nonce__in=spent).order_by("-nonce", "-bump").first()
    mint.next_attempt_at = now
    if last is None:
        transitions.apply(mint, to=S.PENDING, actor="chain", reason="none of its transactions can land", now=now)
        events.emit("mint.advance", mint.pk, order_id=mint.order_id)
        return
    last.reverted_at = last.superseded_at = None
    last.save(update_fields=["reverted_at", "superseded_at"])
    mint.save(update_fields=["next_attempt_at"])
    logger.warning("attempt looked after again", mint=str(mint_id), tx_hash=last.tx_hash)


@serializable
def _revert(*, attempt_id: UUID, now: datetime) -> None:
    """Mined with status 0, by a quorum's word: its nonce is spent, and a new signature is safe. Should a reorg take
    that back, its bytes are sent again first (_fill_holes), and whichever of the two mints, the other reverts."""
    attempt = TxAttempt.objects.select_for_update(of=("self",)).select_related("mint").get(pk=attempt_id)
    mint = MintTx.objects.select_for_update().get(pk=attempt.mint_id)
    if mint.status != S.SENT or attempt.reverted_at:
        return
    attempt.reverted_at = now
    attempt.save(update_fields=["reverted_at"])
    siblings = mint.tx_attempts.filter(nonce=attempt.nonce, reverted_at=None)
    siblings.update(superseded_at=now)
    mint.next_attempt_at = now
    transitions.apply(mint, to=S.PENDING, actor="chain", reason="reverted", data={"tx_hash": attempt.tx_hash}, now=now)
    if _reverts_unexplained(mint) >= MAX_REVERTS:
        place_hold(subject=f"order:{mint.order_id}", owner=OWNER, reason="its mint reverts again and again", now=now)
    events.emit("mint.advance", mint.pk, order_id=mint.order_id)


def _reverts_unexplained(mint: MintTx) -> int:
    """Since the last reorg: one that takes a reserve report away makes every mint after it revert, at no fault."""
    reverted = mint.tx_attempts.exclude(reverted_at=None)
    last = Reorg.objects.filter(chain_id=settings.CHAIN_ID).order_by("-seen_at").first()
    return (reverted.filter(reverted_at__gt=last.seen_at) if last else reverted).count()
