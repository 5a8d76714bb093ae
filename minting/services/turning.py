"""From the wish that a token be stopped to its effect on the chain: allocate, sign and save, send, look (DESIGN §2).

Stopping twice is harmless, the contract only says again that it is stopped; so what cannot land is given up and may be
asked for anew, without the proofs that a mint takes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from agora.lib import crashpoints, events, ids, locks, log, transitions
from agora.lib.db import serializable
from agora.lib.errors import Rejected, Unavailable, Uncertain
from custody.signers import get_stop_signer
from custody.signers.base import Signed, StopIntent, StopMethod, StopSigner
from minting.chains import abi, get_chain
from minting.chains.base import Fees
from minting.models import TokenSwitch
from minting.states import SWITCH_OPEN, Stoppable, Turn
from minting.states import SwitchStatus as W

logger = log.get(__name__)
ACTOR = "worker"
URGENT = 4  # times the usual fees: whoever stops a token wants it in the next block
METHODS = {Stoppable.MINTING: StopMethod.MINTING, Stoppable.TRANSFERS: StopMethod.TRANSFERS}
STOPPED = {Stoppable.MINTING: "mintingPaused", Stoppable.TRANSFERS: "transfersPaused"}
ALLOCATED = ("signer", "nonce", "gas", "max_fee_per_gas", "max_priority_fee_per_gas")
BATCH = 50


def advance_switch(*, switch_id: UUID, now: datetime) -> None:
    """Take a switch as far as it goes now. Each step is saved before the next; what is done is not done again."""
    with locks.exclusive("switch", switch_id) as mine:
        switch = _claim(switch_id=switch_id, now=now) if mine else None
        if switch is None:
            return
        try:
            if switch.turn == Turn.START:
                _observe_start(switch, now)
                return
            if switch.status == W.REQUESTED:
                _sign(switch, now)
            if switch.status == W.SIGNED:
                _send(switch, now)
            if switch.status in (W.SENT, W.EFFECTIVE):
                _observe_stop(switch, now)
        except Rejected as refusal:
            _give_up(switch, refusal.detail, now)
        except (Unavailable, Uncertain) as trouble:
            logger.warning("switch postponed", switch=str(switch_id), detail=trouble.detail)


def sweep_switches(*, now: datetime) -> int:
    """Nudge those that are due; how many."""
    with transaction.atomic():
        due = list(
            TokenSwitch.objects.select_for_update(skip_locked=True)
            .filter(status__in=SWITCH_OPEN, next_attempt_at__lte=now)
            .order_by("next_attempt_at")[:BATCH]
        )
        for switch in due:
            events.emit("token.switched", switch.pk)
        later = now + timedelta(seconds=settings.NUDGE_AFTER)
        TokenSwitch.objects.filter(pk__in=[switch.pk for switch in due]).update(next_attempt_at=later)
    return len(due)


@serializable
def _claim(*, switch_id: UUID, now: datetime) -> TokenSwitch | None:
    switch = TokenSwitch.objects.select_for_update(of=("self",)).select_related("token").get(pk=switch_id)
    if switch.status not in SWITCH_OPEN:
        return None
    switch.attempts += 1
    switch.next_attempt_at = now + timedelta(seconds=settings.NUDGE_AFTER)
    switch.save(update_fields=["attempts", "next_attempt_at"])
    return switch


def _sign(switch: TokenSwitch, now: datetime) -> None:
    signer = get_stop_signer()
    if signer is None:
        raise Unavailable("SIGNER_SOCKET is not set: nobody here has the pauser's key")
    if switch.nonce is None:
        _prepare(switch, signer)
    crashpoints.here("switch.before_sign")
    intent = StopIntent(
        chain_id=switch.chain_id,
        contract=switch.token.address,
        method=METHODS[Stoppable(switch.what)],
        nonce=int(switch.nonce or 0),
        gas=int(switch.gas or 0),
        max_fee_per_gas=int(switch.max_fee_per_gas or 0),
        max_priority_fee_per_gas=int(switch.max_priority_fee_per_gas or 0),
    )
    answer = signer.sign_stop(intent, request_id=f"{ids.PREFIX}-stop-{switch.pk.hex}")
    crashpoints.here("switch.after_sign")
    if isinstance(answer, Signed):
        switch.raw, switch.tx_hash = answer.raw, answer.tx_hash
        _move(switch, to=W.SIGNED, now=now, fields=("raw", "tx_hash"), data={"tx_hash": answer.tx_hash})


def _prepare(switch: TokenSwitch, signer: StopSigner) -> None:
    """What the chain would say to it, and the fees; then the nonce, saved."""
    chain, sender = get_chain(), signer.address()
    data = abi.encode_call(METHODS[Stoppable(switch.what)].value)
    gas = chain.simulate(sender=sender, to=switch.token.address, data=data)
    usual = chain.fees()
    tip = URGENT * usual.max_priority_fee_per_gas + 1
    fees = Fees(max_fee_per_gas=URGENT * usual.max_fee_per_gas + tip, max_priority_fee_per_gas=tip)
    _allocate(switch, sender=sender, gas=gas, fees=fees, chain_nonce=chain.next_nonce(sender))


@serializable
def _allocate(switch: TokenSwitch, *, sender: str, gas: int, fees: Fees, chain_nonce: int) -> None:
    """The pauser's first free nonce. One stop at a time has a nonce and no bytes yet: refused, it leaves no gap."""
    locks.lock_in_transaction("signer", f"{switch.chain_id}:{sender}")
    rows = TokenSwitch.objects.filter(chain_id=switch.chain_id, signer=sender, nonce__gte=chain_nonce)
    if rows.filter(raw=None).exists():
        raise Unavailable("another stop is being signed")
    taken, nonce = set(rows.values_list("nonce", flat=True)), chain_nonce
    while nonce in taken:
        nonce += 1
    switch.signer, switch.nonce, switch.gas = sender, nonce, gas
    switch.max_fee_per_gas, switch.max_priority_fee_per_gas = fees.max_fee_per_gas, fees.max_priority_fee_per_gas
    switch.save(update_fields=ALLOCATED)


def _send(switch: TokenSwitch, now: datetime) -> None:
    crashpoints.here("switch.before_broadcast")
    get_chain().broadcast(bytes(switch.raw or b""))
    crashpoints.here("switch.after_broadcast")
    _move(switch, to=W.SENT, now=now)


def _observe_stop(switch: TokenSwitch, now: datetime) -> None:
    """By the receipt of its own transaction; without one, the same bytes again."""
    chain = get_chain()
    receipt = chain.receipts([switch.tx_hash]).get(switch.tx_hash)
    if receipt is None:
        if switch.status == W.EFFECTIVE:
            _move(switch, to=W.SENT, now=now, reason="its block left the chain")
        chain.broadcast(bytes(switch.raw or b""))
    elif not receipt.succeeded:
        if switch.status == W.EFFECTIVE:
            _move(switch, to=W.SENT, now=now, reason="its block left the chain")
        raise Rejected("its transaction was mined and reverted", vendor_code="Reverted")
    else:
        _settle(switch, seen_at=receipt.block_number, head=chain.head().number, now=now)


def _observe_start(switch: TokenSwitch, now: datetime) -> None:
    """By what the token says: whose transaction it was, and when it comes, is the admin's affair."""
    chain = get_chain()
    head = chain.head().number
    runs_now = not _is_stopped(switch, head)
    if not runs_now and switch.status == W.EFFECTIVE:
        _move(switch, to=W.REQUESTED, now=now, reason="it is stopped again")
    if runs_now:
        seen_at = switch.block_number if switch.status == W.EFFECTIVE and switch.block_number else head
        deep = seen_at <= head - settings.CHAIN_SETTLED_BLOCKS
        if deep and _is_stopped(switch, head - settings.CHAIN_SETTLED_BLOCKS):
            seen_at = head  # another chain of blocks than then
        _settle(switch, seen_at=seen_at, head=head, now=now)


def _is_stopped(switch: TokenSwitch, block: int) -> bool:
    function = STOPPED[Stoppable(switch.what)]
    return bool(get_chain().read(contract=switch.token.address, function=function, block=block)[0])


def _settle(switch: TokenSwitch, *, seen_at: int, head: int, now: datetime) -> None:
    if switch.status != W.EFFECTIVE:
        switch.block_number = seen_at
        _move(switch, to=W.EFFECTIVE, now=now, fields=("block_number",), data={"block": seen_at})
    if seen_at <= head - settings.CHAIN_SETTLED_BLOCKS:
        _move(switch, to=W.DONE, now=now)


def _give_up(switch: TokenSwitch, problem: str, now: datetime) -> None:
    """The signer, a node or the contract refuses it. Signed bytes are given up only when their nonce is spent."""
    logger.error("token not switched", switch=str(switch.pk), token=switch.token_id, detail=problem)
    can_land = switch.raw is not None and get_chain().next_nonce(switch.signer) <= int(switch.nonce or 0)
    _note_failure(switch_id=switch.pk, problem=problem, is_final=not can_land, now=now)


@serializable
def _note_failure(*, switch_id: UUID, problem: str, is_final: bool, now: datetime) -> None:
    row = TokenSwitch.objects.select_for_update().get(pk=switch_id)
    row.problem = problem
    if not is_final or W.FAILED not in row.MOVES[row.status]:
        row.save(update_fields=["problem"])
        return
    if row.raw is None:  # refused before there was a signature: the nonce is free for the next stop
        row.signer, row.nonce, row.gas, row.max_fee_per_gas, row.max_priority_fee_per_gas = "", None, None, None, None
    row.next_attempt_at = None
    transitions.apply(row, to=W.FAILED, actor=ACTOR, reason=problem, now=now, fields=("problem", *ALLOCATED))


@serializable
def _move(
    switch: TokenSwitch,
    *,
    to: W,
    now: datetime,
    fields: tuple[str, ...] = (),
    reason: str = "",
    data: dict[str, object] | None = None,
) -> None:
    """Move the row, which only the holder of its lock moves."""
    row = TokenSwitch.objects.select_for_update().get(pk=switch.pk)
    for field in fields:
        setattr(row, field, getattr(switch, field))
    row.next_attempt_at = None if to == W.DONE else now + timedelta(seconds=settings.NUDGE_AFTER)
    transitions.apply(row, to=to, actor=ACTOR, reason=reason, data=data, now=now, fields=fields)
    switch.status = row.status
