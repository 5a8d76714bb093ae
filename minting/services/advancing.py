"""A mint from its promise to the mempool: simulate, allocate and save, sign and save, broadcast (DESIGN §2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Max

from accounts.selectors import MINTING, active_holds
from accounts.services import place_hold
from agora.lib import crashpoints, ids, locks, log, tracing, transitions
from agora.lib.db import serializable
from agora.lib.errors import Rejected, Unavailable, Uncertain
from custody.signers import get_signer
from custody.signers.base import SIGNED_SOMETHING_ELSE, MintIntent, Signed
from minting.chains import get_chain
from minting.chains.base import Fees, MintCall
from minting.models import MintTx, Token, TxAttempt
from minting.services.backing import is_reserve_refusal, wait_for_reserves
from minting.states import MintStatus as S
from orders.selectors import hold_subjects, order_facts

logger = log.get(__name__)
ACTOR = "worker"
OWNER = "minting-guard"
MAX_UNCERTAIN = 12  # tries in a row without an answer: several minutes
MAX_REQUESTS = 3  # signatures refused in a row before staff must look
KEY_USED = "BrokerTradeAlreadyUsed"


def advance_mint(*, mint_id: UUID, now: datetime) -> None:
    """Take a mint as far as it goes now. Each step is saved before the next; what is done is not done again."""
    with locks.exclusive("mint", mint_id) as mine:
        mint = _claim(mint_id=mint_id, now=now) if mine else None
        if mint is None:
            return
        try:
            if mint.status == S.PENDING:
                with tracing.span("mint.simulate", order_id=mint.order_id):
                    _simulate(mint, now)
            if mint.status == S.SIMULATED:
                with tracing.span("mint.sign", order_id=mint.order_id):
                    _sign(mint, now)
            if mint.status == S.SIGNED:
                with tracing.span("mint.broadcast", order_id=mint.order_id):
                    _broadcast(mint, now)
        except Rejected as refusal:
            if is_reserve_refusal(refusal):
                wait_for_reserves(mint_id=mint_id, refusal=refusal, now=now)
                return
            _stop(mint_id=mint_id, problem=refusal.detail, code=refusal.vendor_code, now=now)
        except (Unavailable, Uncertain) as trouble:
            logger.warning("mint postponed", mint=str(mint_id), kind=type(trouble).__name__, detail=trouble.detail)
            if isinstance(trouble, Uncertain) and mint.attempts >= MAX_UNCERTAIN:
                reason = f"still uncertain after {mint.attempts} tries: {trouble.detail}"
                place_hold(subject=f"order:{mint.order_id}", owner=OWNER, reason=reason, now=now)


def resume_signature(*, request_id: str, now: datetime) -> None:
    """The custodian has news of a signature: go on with the mint that waits for it, if one does."""
    attempt = TxAttempt.objects.filter(request_id=request_id, raw=None).first()
    if attempt:
        advance_mint(mint_id=attempt.mint_id, now=now)


@serializable
def _claim(*, mint_id: UUID, now: datetime) -> MintTx | None:
    mint = MintTx.objects.select_for_update(of=("self",)).select_related("token").get(pk=mint_id)
    if mint.status not in (S.PENDING, S.SIMULATED, S.SIGNED):
        return None
    mint.attempts += 1
    mint.next_attempt_at = now + timedelta(seconds=min(30.0, settings.NUDGE_AFTER * 1.5 ** min(mint.attempts, 10)))
    mint.save(update_fields=["attempts", "next_attempt_at"])
    # Signed bytes may be in the mempool already: a hold can stop a mint only before it is signed.
    held = mint.status != S.SIGNED and active_holds(
        subjects=hold_subjects(facts=order_facts(order_id=mint.order_id), step=MINTING), now=now
    )
    return None if held else mint


def _simulate(mint: MintTx, now: datetime) -> None:
    gas = get_chain().simulate_mint(
        MintCall(
            contract=mint.token.address,
            minter=mint.token.minter,
            to=mint.recipient,
            amount_wei=int(mint.amount_wei),
            mint_key=mint.mint_key,
        )
    )
    _move(mint, to=S.SIMULATED, now=now, gas=gas)
    crashpoints.here("mint.after_simulate")


def _sign(mint: MintTx, now: datetime) -> None:
    """Allocate (commit), have it signed, save the bytes (commit). Stays SIMULATED while the custodian works on it."""
    attempt = _open_attempt(mint)
    if attempt is None:
        chain = get_chain()
        fees, chain_nonce = chain.fees(), chain.next_nonce(mint.token.minter)
        crashpoints.here("mint.before_allocate")
        attempt = _allocate(mint=mint, fees=fees, chain_nonce=chain_nonce, now=now)
    crashpoints.here("mint.before_sign")
    try:
        answer = get_signer().sign_mint(_intent(mint, attempt), request_id=attempt.request_id)
    except Rejected as refusal:
        if refusal.vendor_code == SIGNED_SOMETHING_ELSE:  # a signature of unknown bytes exists: staff must look first
            raise
        _renew_request(attempt_id=attempt.pk, problem=refusal.detail, now=now)
        return
    if not isinstance(answer, Signed):
        crashpoints.here("mint.after_request")
        return
    crashpoints.here("mint.after_sign")
    _save_signed(mint=mint, attempt=attempt, signed=answer, now=now)


def _broadcast(mint: MintTx, now: datetime) -> None:
    attempt = mint.tx_attempts.exclude(raw=None).filter(reverted_at=None).latest("allocated_at")
    crashpoints.here("mint.before_broadcast")
    get_chain().broadcast(bytes(attempt.raw or b""))
    crashpoints.here("mint.after_broadcast")
    _move(mint, to=S.SENT, now=now)
    crashpoints.here("mint.after_sent")


def _open_attempt(mint: MintTx) -> TxAttempt | None:
    """The attempt whose nonce this mint holds and has not spent."""
    return mint.tx_attempts.filter(reverted_at=None).order_by("-allocated_at").first()


@serializable
def _allocate(*, mint: MintTx, fees: Fees, chain_nonce: int, now: datetime) -> TxAttempt:
    """The signer's next nonce, in the transaction that saves the attempt: no gap, no second use."""
    signer, chain_id = mint.token.minter, mint.token.chain_id
    locks.lock_in_transaction("signer", f"{chain_id}:{signer}")
    last = TxAttempt.objects.filter(chain_id=chain_id, signer=signer).aggregate(last=Max("nonce"))["last"]
    attempt_id = ids.new_id()
    return TxAttempt.objects.create(
        id=attempt_id,
        mint=mint,
        chain_id=chain_id,
        signer=signer,
        # The chain is ahead of us only when somebody else used this key; the audit shows the gap in ours.
        nonce=chain_nonce if last is None else max(last + 1, chain_nonce),
        gas=mint.gas or 0,
        max_fee_per_gas=fees.max_fee_per_gas,
        max_priority_fee_per_gas=fees.max_priority_fee_per_gas,
        request_id=ids.signature_request_id(attempt_id, 1),
        allocated_at=now,
    )


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
    """Of the mint's last transaction before it that can never mint: the signer wants to hear of it (ADR 0011)."""
    gone = mint.tx_attempts.exclude(reverted_at=None).exclude(raw=None).filter(nonce__lt=attempt.nonce)
    return gone.aggregate(last=Max("nonce"))["last"]


@serializable
def _save_signed(*, mint: MintTx, attempt: TxAttempt, signed: Signed, now: datetime) -> None:
    TxAttempt.objects.filter(pk=attempt.pk, raw=None).update(raw=signed.raw, tx_hash=signed.tx_hash, signed_at=now)
    _move(mint, to=S.SIGNED, now=now, data={"tx_hash": signed.tx_hash, "nonce": attempt.nonce})


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


@serializable
def _move(mint: MintTx, *, to: S, now: datetime, gas: int | None = None, data: dict[str, object] | None = None) -> None:
    """Move the locked row and what the caller holds of it alike. Somebody else's move in between wins."""
    row = MintTx.objects.select_for_update().get(pk=mint.pk)
    if row.status == mint.status:
        row.gas = gas or row.gas
        row.unbacked_since = None  # what the chain would accept now does not wait for reserves
        row.next_attempt_at = now + timedelta(seconds=settings.NUDGE_AFTER)
        transitions.apply(row, to=to, actor=ACTOR, data=data, now=now, fields=("gas", "unbacked_since"))
    mint.status, mint.gas = row.status, row.gas


@serializable
def _stop(*, mint_id: UUID, problem: str, code: str, now: datetime) -> None:
    """The chain refuses this mint: hold the order. A key that is used on-chain can never mint again: FAILED."""
    mint = MintTx.objects.select_for_update().get(pk=mint_id)
    place_hold(subject=f"order:{mint.order_id}", owner=OWNER, reason=f"mint refused: {code or problem}", now=now)
    if mint.status == S.PENDING and code == KEY_USED:
        mint.reason, mint.next_attempt_at = problem, None
        transitions.apply(mint, to=S.FAILED, actor="chain", reason=problem, now=now, fields=("reason",))
        token = Token.objects.select_for_update().get(pk=mint.token_id)
        token.committed_wei -= mint.amount_wei
        token.save(update_fields=["committed_wei"])
