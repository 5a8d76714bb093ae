"""A minting key's nonces: those that we gave out, and those that somebody else used.

A nonce that is final with a transaction of nobody's we know is a key used outside Agora: an alarm, and that signer's
minting waits for two people. Only then, and only because the old transaction can never land, is a mint signed anew.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Max

from accounts.selectors import MINTING
from accounts.services import place_hold
from agora.lib import locks, log, transitions
from agora.lib.db import serializable
from agora.lib.errors import Unavailable
from minting.chains import get_chain
from minting.models import ForeignNonce, MintTx, Token, TxAttempt
from minting.selectors import settled_block
from minting.states import MintStatus as S

logger = log.get(__name__)
OWNER = "signer-guard"
FOREIGN = "ForeignNonce"
MOST = 100  # nonces recorded at a time: more is not one accident, and the next look records the rest


def next_own_nonce(*, chain_id: int, signer: str) -> int | None:
    """The one after all that we gave out or know to be used; None where we know of none."""
    given = TxAttempt.objects.filter(chain_id=chain_id, signer=signer).aggregate(last=Max("nonce"))["last"]
    foreign = ForeignNonce.objects.filter(chain_id=chain_id, signer=signer).aggregate(last=Max("nonce"))["last"]
    known = [nonce for nonce in (given, foreign) if nonce is not None]
    return max(known) + 1 if known else None


def check_nonces(*, chain_id: int, signer: str, now: datetime) -> int:
    """The signer's transactions on the chain, by a quorum; Unavailable while somebody else's are among them.

    Asked before a nonce is given out.
    """
    mined = get_chain().next_nonce(signer)
    ours = next_own_nonce(chain_id=chain_id, signer=signer)
    if ours is None or mined <= ours:
        return mined
    settled = settled_block()
    if settled is not None:
        final = get_chain().next_nonce(signer, block=settled.number)
        if final > ours:
            _record_foreign(chain_id=chain_id, signer=signer, nonces=list(range(ours, final))[:MOST], now=now)
    raise Unavailable(f"{signer} has sent {mined} transactions and we know of {ours}", vendor_code=FOREIGN)


def watch_nonces(*, chain_id: int, signer: str, now: datetime) -> None:
    """The same now and then, for a key that is used while nothing is minted. Raises VendorError."""
    try:
        check_nonces(chain_id=chain_id, signer=signer, now=now)
    except Unavailable as trouble:
        if trouble.vendor_code != FOREIGN:
            raise
        logger.warning("a signer's nonce is not ours", signer=signer, detail=trouble.detail)


def give_up_spent(*, mint_id: UUID, attempts: list[TxAttempt], now: datetime) -> bool:
    """Whether these attempts' nonce is final with another transaction, so that they can never land: then they are given
    up, and the mint begins anew once two people have let this signer go on."""
    settled = settled_block()
    if settled is None:
        return False
    chain, nonce, signer = get_chain(), attempts[0].nonce, attempts[0].signer
    if chain.next_nonce(signer, block=settled.number) <= nonce:
        return False
    if not chain.are_unknown([attempt.tx_hash for attempt in attempts if attempt.tx_hash]):
        return False
    _give_up(mint_id=mint_id, nonce=nonce, now=now)
    return True


@serializable
def _give_up(*, mint_id: UUID, nonce: int, now: datetime) -> None:
    mint = MintTx.objects.select_for_update(of=("self",)).select_related("token").get(pk=mint_id)
    if mint.status != S.SENT:
        return
    mint.tx_attempts.filter(nonce=nonce, reverted_at=None).update(superseded_at=now)
    mint.next_attempt_at = now
    where = {"nonce": nonce}
    transitions.apply(mint, to=S.PENDING, actor="chain", reason="its nonce was used elsewhere", data=where, now=now)
    _record(chain_id=mint.token.chain_id, signer=mint.token.minter, nonces=[nonce], now=now)


@serializable
def _record_foreign(*, chain_id: int, signer: str, nonces: list[int], now: datetime) -> None:
    locks.lock_in_transaction("signer", f"{chain_id}:{signer}")
    if next_own_nonce(chain_id=chain_id, signer=signer) == nonces[0]:
        _record(chain_id=chain_id, signer=signer, nonces=nonces, now=now)


def _record(*, chain_id: int, signer: str, nonces: list[int], now: datetime) -> None:
    ForeignNonce.objects.bulk_create(
        [ForeignNonce(chain_id=chain_id, signer=signer, nonce=nonce, seen_at=now) for nonce in nonces],
        ignore_conflicts=True,
    )
    logger.error("foreign nonce", chain_id=chain_id, signer=signer, nonces=nonces)
    problem = f"the key {signer} was used outside Agora: nonce {nonces[0]}"
    minted = Token.objects.filter(chain_id=settings.CHAIN_ID, minter=signer).values_list("asset__symbol", flat=True)
    for symbol in minted.order_by("asset__symbol"):
        place_hold(subject=f"{MINTING}:{symbol}", owner=OWNER, reason=problem, now=now)
