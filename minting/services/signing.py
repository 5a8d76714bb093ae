"""Having one attempt signed, and its bytes saved: of a first transaction and of one that replaces it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Max

from accounts.services import place_hold
from agora.lib import crashpoints, ids, log
from agora.lib.db import serializable
from agora.lib.errors import Rejected
from custody.signers import get_signer
from custody.signers.base import SIGNED_SOMETHING_ELSE, MintIntent, Signed
from minting.models import MintTx, TxAttempt

logger = log.get(__name__)
OWNER = "minting-guard"
MAX_REQUESTS = 3  # signatures refused in a row before staff must look


def ask_for_signature(*, mint: MintTx, attempt: TxAttempt, now: datetime) -> Signed | None:
    """The signed bytes, not yet saved; None while the custodian works on it, or after it refused (a new request then).

    Raises Rejected (SIGNED_SOMETHING_ELSE), Unavailable, Uncertain.
    """
    crashpoints.here("mint.before_sign")
    try:
        answer = get_signer().sign_mint(_intent(mint, attempt), request_id=attempt.request_id)
    except Rejected as refusal:
        if refusal.vendor_code == SIGNED_SOMETHING_ELSE:  # a signature of unknown bytes exists: staff must look first
            raise
        _renew_request(attempt_id=attempt.pk, problem=refusal.detail, now=now)
        return None
    if not isinstance(answer, Signed):
        crashpoints.here("mint.after_request")
        return None
    crashpoints.here("mint.after_sign")
    return answer


def save_bytes(*, attempt: TxAttempt, signed: Signed, now: datetime) -> None:
    """In the caller's transaction, before anybody else sees them. The first bytes stay."""
    TxAttempt.objects.filter(pk=attempt.pk, raw=None).update(raw=signed.raw, tx_hash=signed.tx_hash, signed_at=now)


def _intent(mint: MintTx, attempt: TxAttempt) -> MintIntent:
    return MintIntent(
        chain_id=attempt.chain_id,
        contract=mint.token.address,
        to=mint.recipient,
        amount_wei=int(mint.amount_wei),
        mint_key=mint.mint_key,
        nonce=attempt.nonce,
        gas=attempt.gas,
        max_fee_per_gas=int(attempt.max_fee_per_gas),
        max_priority_fee_per_gas=int(attempt.max_priority_fee_per_gas),
        replaces=_replaced_nonce(mint, attempt),
    )


def _replaced_nonce(mint: MintTx, attempt: TxAttempt) -> int | None:
    """Of the mint's last signed transaction under another nonce, which is spent: the signer asks for it (ADR 0011)."""
    earlier = mint.tx_attempts.filter(nonce__lt=attempt.nonce).exclude(raw=None)
    last: int | None = earlier.aggregate(last=Max("nonce"))["last"]
    return last


@serializable
def _renew_request(*, attempt_id: UUID, problem: str, now: datetime) -> None:
    """Refused for good: no signature exists under that request, so the nonce is kept and a new request made."""
    attempt = TxAttempt.objects.select_for_update(of=("self",)).select_related("mint").get(pk=attempt_id)
    if attempt.raw is not None:
        return
    attempt.request += 1
    attempt.request_id = ids.signature_request_id(attempt.pk, attempt.request)
    attempt.save(update_fields=["request", "request_id"])
    logger.warning("signature refused", mint=str(attempt.mint_id), detail=problem)
    if attempt.request > MAX_REQUESTS:
        place_hold(
            subject=f"order:{attempt.mint.order_id}", owner=OWNER, reason=f"signature refused: {problem}", now=now
        )
