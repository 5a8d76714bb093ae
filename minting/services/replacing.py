"""A transaction that does not get into a block: the same bytes again, or the same mint at a higher price.

A replacement has the nonce, the gas and the calldata of what it replaces, and both fees at least an eighth higher; it
is a further attempt with the next `bump`, saved before it is signed and signed before it is sent. Whichever of them is
mined, the mint happens once: they share a nonce.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from accounts.selectors import MINTING, active_holds
from agora.lib import crashpoints, ids, log
from agora.lib.db import serializable
from agora.lib.errors import VendorError
from minting.chains import get_chain
from minting.chains.base import FeeMarket, Fees
from minting.models import MintTx, TxAttempt
from minting.services.pricing import higher_bid
from minting.services.signing import ask_for_signature, save_bytes
from minting.states import MintStatus as S
from orders.selectors import hold_subjects, order_facts

logger = log.get(__name__)
# What a node says of bytes that are not to be sent as they are now: all of it is waited out, or bid over.
NO_FUNDS = "InsufficientFunds"


def send_again(*, mint: MintTx, attempts: list[TxAttempt], is_next: bool, now: datetime) -> None:
    """`attempts`: the mint's live ones of one nonce, oldest first. `is_next`: no lower nonce of the signer waits.

    Raises Unavailable, Uncertain; Rejected for what neither time nor a higher bid will mend.
    """
    newest = attempts[-1]
    signed = [attempt for attempt in attempts if attempt.raw]
    crashpoints.here("observe.before_resend")
    said = resend(raw=bytes(signed[-1].raw or b""), mint_id=mint.pk)
    crashpoints.here("observe.after_resend")
    if _is_held(mint, now) or said == NO_FUNDS:
        return
    if newest.raw and is_next:
        newest = _outbid(mint, newest, now) or newest
    if not newest.raw and (replacement := _sign(mint, newest, now)):
        resend(raw=bytes(replacement.raw or b""), mint_id=mint.pk)


def resend(*, raw: bytes, mint_id: UUID) -> str:
    """Broadcast saved bytes; what the nodes had against them as they are now, "" if nothing.

    Only the chain can end what is signed. So whatever a node says of it, in words known or not, the mint is looked
    after as one that was sent: the same bytes again, and a higher bid under the same nonce, so that later mints of the
    key never wait behind words. Raises Unavailable or Uncertain where no node answered at all.
    """
    try:
        get_chain().broadcast(raw)
    except VendorError as refusal:
        if not refusal.vendor_code:
            raise
        if refusal.vendor_code == NO_FUNDS:
            logger.error("signer cannot pay for gas", mint=str(mint_id), detail=refusal.detail)
        else:
            logger.info("not taken as it is", mint=str(mint_id), code=refusal.vendor_code, detail=refusal.detail)
        return refusal.vendor_code
    return ""


def _outbid(mint: MintTx, newest: TxAttempt, now: datetime) -> TxAttempt | None:
    """A further attempt, if this one has waited long enough or the base fee has overtaken it."""
    market = get_chain().fee_market()
    is_overtaken = int(newest.max_fee_per_gas) < market.base_fee
    waits_since = newest.signed_at or newest.allocated_at
    if not is_overtaken and now < waits_since + timedelta(seconds=settings.CHAIN_BUMP_AFTER):
        return None
    fees = _next_fees(newest, market)
    if fees is None:
        logger.error("fee cap reached", mint=str(mint.pk), cap_wei=settings.CHAIN_MAX_FEE_WEI, base_fee=market.base_fee)
        return None
    return _allocate_bump(mint_id=mint.pk, newest_id=newest.pk, fees=fees, now=now)


def _next_fees(newest: TxAttempt, market: FeeMarket) -> Fees | None:
    before = Fees(
        max_fee_per_gas=int(newest.max_fee_per_gas), max_priority_fee_per_gas=int(newest.max_priority_fee_per_gas)
    )
    return higher_bid(before=before, market=market, cap_wei=settings.CHAIN_MAX_FEE_WEI)


def _is_held(mint: MintTx, now: datetime) -> bool:
    """A hold stops a new signature, of a replacement too; what is signed may land whatever we do."""
    subjects = hold_subjects(facts=order_facts(order_id=mint.order_id), step=MINTING)
    return bool(active_holds(subjects=subjects, now=now))


@serializable
def _allocate_bump(*, mint_id: UUID, newest_id: UUID, fees: Fees, now: datetime) -> TxAttempt | None:
    mint = MintTx.objects.select_for_update().get(pk=mint_id)
    newest = TxAttempt.objects.get(pk=newest_id)
    if mint.status != S.SENT or newest.reverted_at or newest.superseded_at:
        return None
    attempt_id = ids.new_id()
    return TxAttempt.objects.create(
        id=attempt_id,
        mint=mint,
        chain_id=newest.chain_id,
        signer=newest.signer,
        nonce=newest.nonce,
        bump=newest.bump + 1,
        gas=newest.gas,
        max_fee_per_gas=fees.max_fee_per_gas,
        max_priority_fee_per_gas=fees.max_priority_fee_per_gas,
        request_id=ids.signature_request_id(attempt_id, 1),
        allocated_at=now,
    )


def _sign(mint: MintTx, attempt: TxAttempt, now: datetime) -> TxAttempt | None:
    """None while it is not signed."""
    signed = ask_for_signature(mint=mint, attempt=attempt, now=now)
    if signed is None:
        return None
    save_bytes(attempt=attempt, signed=signed, now=now)
    return TxAttempt.objects.get(pk=attempt.pk)
