"""Stopping a token on-chain takes one person; starting it again two, and its admin, whose key we do not have."""

from __future__ import annotations

from datetime import datetime

from accounts.selectors import MINTING
from accounts.services import place_hold, record_audit
from agora.lib import events, locks, transitions
from agora.lib.db import serializable
from minting.errors import NotSwitchable
from minting.models import Token, TokenSwitch
from minting.states import Stoppable, Turn
from minting.states import SwitchStatus as W

OWNER = "on-chain-stop"  # of the hold that keeps mints from running into a token that is stopped
WAITING = (W.REQUESTED, W.SIGNED, W.SENT)


@serializable
def stop_token(*, symbol: str, what: str, actor: str, reason: str, now: datetime) -> TokenSwitch:
    """Have it stopped on the chain, at once. Asked for again while it is under way, it is the same stop.

    With minting, the asset's mints are held here as well, so that they wait instead of reverting; that hold is
    released as any other, by two people. Raises NotSwitchable.
    """
    if not reason.strip():
        raise NotSwitchable("Say why: whoever starts it again has to know.")
    token = Token.objects.filter(asset__symbol=symbol).first()
    if token is None:
        raise NotSwitchable(f"{symbol!r} has no token.")
    if what == Stoppable.MINTING:
        place_hold(subject=f"{MINTING}:{symbol}", owner=OWNER, reason=reason, now=now)
    return _ask(token=token, turn=Turn.STOP, what=what, actor=actor, reason=reason, now=now)


@serializable
def start_token(*, subject: str, what: str, actor: str, reason: str, now: datetime) -> None:
    """What an approved proposal carries out: say that the token's admin shall start it, and watch for that."""
    token = Token.objects.get(pk=int(subject.partition(":")[2]))
    _ask(token=token, turn=Turn.START, what=what, actor=actor, reason=reason, now=now)


def _ask(*, token: Token, turn: Turn, what: str, actor: str, reason: str, now: datetime) -> TokenSwitch:
    locks.lock_in_transaction("token-switch", token.pk)
    known = TokenSwitch.objects.filter(token=token, turn=turn, what=what, status__in=WAITING).first()
    if known is not None:
        return known
    switch = TokenSwitch(
        token=token,
        turn=turn,
        what=Stoppable(what),
        asked_by=actor,
        reason=reason,
        chain_id=token.chain_id,
        next_attempt_at=now,
    )
    transitions.start(switch, actor=actor, reason=reason, now=now)
    record_audit(
        actor=actor,
        action=f"token.{turn.lower()}",
        subject=f"token:{token.pk}",
        after={"what": what, "switch": str(switch.pk)},
        reason=reason,
        now=now,
    )
    events.emit("token.switched", switch.pk)
    return switch
