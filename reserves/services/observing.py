"""What became of the reports that were sent: looked up, sent again, concluded."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from agora.lib import crashpoints, log
from agora.lib.db import serializable
from agora.lib.errors import Rejected
from minting.chains.base import Receipt
from minting.selectors import GatedToken
from minting.services import release_backed
from reserves.models import AttestationOutcome, ReserveAttestation
from reserves.publishers.onchain import OnchainPublisher, Standing

logger = log.get(__name__)


def observe(
    *, token: GatedToken, publisher: OnchainPublisher, standing: Standing, now: datetime
) -> ReserveAttestation | None:
    """See what became of the reports that were sent; the newest of them that counts for more than `standing`.

    One without a receipt is sent again, the same bytes; one that reverted or lost its nonce never lands.
    """
    rows = set(ReserveAttestation.objects.filter(token_id=token.token_id, outcomes=None))
    newest = last_report(token)
    if newest and (newest.sequence > standing.sequence or token.unbacked):
        rows |= _reorganised(newest, publisher)
    if not rows:
        return None
    receipts = publisher.receipts([row.tx_hash for row in rows])
    in_flight: ReserveAttestation | None = None
    for row in sorted(rows, key=lambda row: row.nonce):
        receipt, is_ours = receipts.get(row.tx_hash), row.token_id == token.token_id
        if receipt is None:
            lands = _is_young(row, now) or _resend(publisher, row, now)
        else:
            lands = receipt.succeeded and row.sequence > standing.sequence  # mined since we asked the oracle
            if is_ours:
                crashpoints.here("attestation.before_conclude")
                _conclude(token=token, row=row, receipt=receipt, now=now)
                crashpoints.here("attestation.after_conclude")
        if lands and is_ours:
            in_flight = row
    return in_flight


def _reorganised(newest: ReserveAttestation, publisher: OnchainPublisher) -> set[ReserveAttestation]:
    """Reports that were mined once, and are gone, or moved, with a reorg.

    Not the newest alone: each that is gone left a nonce behind for which all later ones wait, other tokens' too. Also
    those that reverted: with their block that is undone, and their nonce is free again. Not those that gave up.
    """
    sent = ReserveAttestation.objects.filter(chain_id=newest.chain_id, publisher=publisher.address)
    unmined = sent.filter(nonce__gte=publisher.next_nonce())
    return {row for row in [newest, *unmined] if not row.outcomes.filter(accepted=False, block_hash="").exists()}


def _is_young(row: ReserveAttestation, now: datetime) -> bool:
    return row.prepared_at > now - timedelta(seconds=settings.NUDGE_AFTER)


def _resend(publisher: OnchainPublisher, row: ReserveAttestation, now: datetime) -> bool:
    """False: these bytes can never land, for another transaction has their nonce."""
    crashpoints.here("attestation.before_resend")
    try:
        publisher.broadcast(bytes(row.raw))
    except Rejected as refusal:
        if publisher.next_nonce() <= row.nonce:
            logger.warning("report not taken", sequence=row.sequence, detail=refusal.detail)
            return True
        _give_up(row=row, reason=refusal.detail, now=now)
        return False
    return True


@serializable
def _conclude(*, token: GatedToken, row: ReserveAttestation, receipt: Receipt, now: datetime) -> None:
    """A block has it: keep that, and let the mints go on that waited for it."""
    _, is_news = AttestationOutcome.objects.get_or_create(
        attestation=row,
        block_hash=receipt.block_hash,
        defaults={
            "accepted": receipt.succeeded,
            "block_number": receipt.block_number,
            "reason": "" if receipt.succeeded else "the oracle reverted",
            "seen_at": now,
        },
    )
    if not is_news:
        return
    logger.info("report mined", asset=token.symbol, sequence=row.sequence, accepted=receipt.succeeded)
    if receipt.succeeded:
        release_backed(symbol=token.symbol, now=now)


@serializable
def _give_up(*, row: ReserveAttestation, reason: str, now: datetime) -> None:
    AttestationOutcome.objects.create(attestation=row, accepted=False, reason=reason, seen_at=now)


def last_report(token: GatedToken) -> ReserveAttestation | None:
    return ReserveAttestation.objects.filter(token_id=token.token_id).order_by("-sequence").first()
