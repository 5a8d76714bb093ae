"""A mint from its promise to the mempool: simulate, allocate and save, sign and save, broadcast (DESIGN §2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from accounts.selectors import MINTING, active_holds
from accounts.services import place_hold
from agora.lib import crashpoints, ids, locks, log, tracing, transitions
from agora.lib.db import serializable
from agora.lib.errors import Rejected, Unavailable, Uncertain
from custody.signers.base import Signed
from minting.chains import get_chain
from minting.chains.base import Fees, MintCall
from minting.models import MintTx, Token, TxAttempt
from minting.services.backing import is_reserve_refusal, wait_for_reserves
from minting.services.guarding import check_nonces, next_own_nonce
from minting.services.observing import observe_mint
from minting.services.pricing import opening_bid
from minting.services.replacing import NO_FUNDS, resend
from minting.services.signing import ask_for_signature, save_bytes
from minting.states import MintStatus as S
from orders.selectors import hold_subjects, order_facts

logger = log.get(__name__)
ACTOR = "worker"
OWNER = "minting-guard"
MAX_UNCERTAIN = 12  # tries in a row without an answer: several minutes
PAUSE = timedelta(minutes=5)
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
            if trouble.vendor_code == NO_FUNDS:  # whoever tops it up lets it go on
                logger.error("signer cannot pay for gas", mint=str(mint_id), detail=trouble.detail)
                return
            logger.warning("mint postponed", mint=str(mint_id), kind=type(trouble).__name__, detail=trouble.detail)
            if isinstance(trouble, Uncertain) and mint.attempts >= MAX_UNCERTAIN:
                reason = f"still uncertain after {mint.attempts} tries: {trouble.detail}"
                # Nobody has to release what was only slow: it ends by itself, and the mint is tried again.
                until = now + PAUSE
                place_hold(subject=f"order:{mint.order_id}", owner=OWNER, reason=reason, until=until, now=now)


def resume_signature(*, request_id: str, now: datetime) -> None:
    """The custodian has news of a signature: go on with the mint that waits for it, if one does."""
    attempt = TxAttempt.objects.filter(request_id=request_id, raw=None).first()
    if attempt and attempt.bump:
        MintTx.objects.filter(pk=attempt.mint_id, status=S.SENT).update(next_attempt_at=now)
        observe_mint(mint_id=attempt.mint_id, now=now)
    elif attempt:
        advance_mint(mint_id=attempt.mint_id, now=now)


@serializable
def _claim(*, mint_id: UUID, now: datetime) -> MintTx | None:
    # Without its token: whoever reads that row here collides with those who promise more of it.
    mint = MintTx.objects.select_for_update().get(pk=mint_id)
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
    call = MintCall(
        contract=mint.token.address,
        minter=mint.token.minter,
        to=mint.recipient,
        amount_wei=int(mint.amount_wei),
        mint_key=mint.mint_key,
    )
    try:
        gas = get_chain().simulate_mint(call)
    except Rejected as refusal:
        if refusal.vendor_code == KEY_USED and not _is_anothers(mint):
            raise Unavailable(f"{mint.mint_key} is minted: the watcher confirms it") from refusal
        raise
    _move(mint, to=S.SIMULATED, now=now, gas=gas)
    crashpoints.here("mint.after_simulate")


def _is_anothers(mint: MintTx) -> bool:
    """Whether the key was used by a transaction that is none of this mint's. One of ours that had reverted may live
    again after a reorg, and a receipt that is missing proves nothing: only the log that used the key says who it was.
    One node's word of it counts where a quorum has no receipt of ours, either.
    """
    hashes = set(mint.tx_attempts.exclude(raw=None).values_list("tx_hash", flat=True))
    if not hashes:
        return True
    token = mint.token
    used = get_chain().minted_log(contract=token.address, mint_key=mint.mint_key, first=token.deployed_block)
    return used is not None and used.tx_hash not in hashes and get_chain().are_unknown(list(hashes))


def _sign(mint: MintTx, now: datetime) -> None:
    """Allocate (commit), have it signed, save the bytes (commit). Stays SIMULATED while the custodian works on it."""
    attempt = _open_attempt(mint)
    if attempt is None:
        chain_nonce = check_nonces(chain_id=mint.token.chain_id, signer=mint.token.minter, now=now)
        fees = _opening_bid()
        crashpoints.here("mint.before_allocate")
        attempt = _allocate(mint=mint, fees=fees, chain_nonce=chain_nonce, now=now)
    signed = ask_for_signature(mint=mint, attempt=attempt, now=now)
    if signed is not None:
        _save_signed(mint=mint, attempt=attempt, signed=signed, now=now)


def _opening_bid() -> Fees:
    """Unavailable: the chain asks more than we ever pay."""
    market, cap = get_chain().fee_market(), settings.CHAIN_MAX_FEE_WEI
    fees = opening_bid(market=market, cap_wei=cap)
    if fees is None:
        logger.error("fee cap reached", cap_wei=cap, base_fee=market.base_fee)
        raise Unavailable(f"a base fee of {market.base_fee} wei is above our cap, {cap}", vendor_code="FeeCap")
    return fees


def _broadcast(mint: MintTx, now: datetime) -> None:
    """SENT also where the node would not have it as it is: who observes a sent mint finds out, and bids more."""
    attempt = mint.tx_attempts.exclude(raw=None).filter(reverted_at=None, superseded_at=None).latest("allocated_at")
    crashpoints.here("mint.before_broadcast")
    resend(raw=bytes(attempt.raw or b""), mint_id=mint.pk)
    crashpoints.here("mint.after_broadcast")
    _move(mint, to=S.SENT, now=now)
    crashpoints.here("mint.after_sent")


def _open_attempt(mint: MintTx) -> TxAttempt | None:
    """The attempt whose nonce this mint holds and has not spent."""
    return mint.tx_attempts.filter(reverted_at=None, superseded_at=None).order_by("-allocated_at").first()


@serializable
def _allocate(*, mint: MintTx, fees: Fees, chain_nonce: int, now: datetime) -> TxAttempt:
    """The signer's next nonce, in the transaction that saves the attempt: no gap, no second use."""
    signer, chain_id = mint.token.minter, mint.token.chain_id
    locks.lock_in_transaction("signer", f"{chain_id}:{signer}")
    ours = next_own_nonce(chain_id=chain_id, signer=signer)
    attempt_id = ids.new_id()
    return TxAttempt.objects.create(
        id=attempt_id,
        mint=mint,
        chain_id=chain_id,
        signer=signer,
        nonce=chain_nonce if ours is None else ours,
        gas=mint.gas or 0,
        max_fee_per_gas=fees.max_fee_per_gas,
        max_priority_fee_per_gas=fees.max_priority_fee_per_gas,
        request_id=ids.signature_request_id(attempt_id, 1),
        allocated_at=now,
    )


@serializable
def _save_signed(*, mint: MintTx, attempt: TxAttempt, signed: Signed, now: datetime) -> None:
    save_bytes(attempt=attempt, signed=signed, now=now)
    _move(mint, to=S.SIGNED, now=now, data={"tx_hash": signed.tx_hash, "nonce": attempt.nonce})


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
