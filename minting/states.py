from django.db import models


class MintStatus(models.TextChoices):
    PENDING = "PENDING"  # promised
    SIMULATED = "SIMULATED"  # the chain would accept it now
    SIGNED = "SIGNED"  # signed bytes saved
    SENT = "SENT"  # in the mempool, for all we know
    CONFIRMED = "CONFIRMED"  # in a block
    SETTLED = "SETTLED"  # under 12 linked blocks
    FINALIZED = "FINALIZED"  # under the chain's own finalized block
    FAILED = "FAILED"  # can never be minted as it is


S = MintStatus
MOVES: dict[str, frozenset[str]] = {
    S.PENDING: frozenset({S.SIMULATED, S.FAILED}),
    S.SIMULATED: frozenset({S.SIGNED}),
    S.SIGNED: frozenset({S.SENT}),
    S.SENT: frozenset({S.CONFIRMED, S.PENDING}),  # back: mined and reverted, so a new signature is safe
    S.CONFIRMED: frozenset({S.SETTLED, S.SENT}),
    S.SETTLED: frozenset({S.FINALIZED, S.SENT}),  # to SENT: a reorg
    S.FINALIZED: frozenset(),
    S.FAILED: frozenset(),
}
ON_CHAIN = (S.CONFIRMED, S.SETTLED, S.FINALIZED)
DEEP = (S.SETTLED, S.FINALIZED)
IN_FLIGHT = (S.PENDING, S.SIMULATED, S.SIGNED, S.SENT)


class SwitchStatus(models.TextChoices):
    REQUESTED = "REQUESTED"  # asked for; a start waits here for the token's admin
    SIGNED = "SIGNED"  # signed bytes saved
    SENT = "SENT"  # in the mempool, for all we know
    EFFECTIVE = "EFFECTIVE"  # so at the head of the chain
    DONE = "DONE"  # so under 12 blocks
    FAILED = "FAILED"  # it will not come by this transaction: ask again


class Turn(models.TextChoices):
    STOP = "STOP"
    START = "START"


class Stoppable(models.TextChoices):
    MINTING = "MINTING"
    TRANSFERS = "TRANSFERS"


W = SwitchStatus
SWITCH_MOVES: dict[str, frozenset[str]] = {
    W.REQUESTED: frozenset({W.SIGNED, W.EFFECTIVE, W.FAILED}),
    W.SIGNED: frozenset({W.SENT, W.FAILED}),
    W.SENT: frozenset({W.EFFECTIVE, W.FAILED}),
    W.EFFECTIVE: frozenset({W.DONE, W.SENT, W.REQUESTED}),  # back: a reorg
    W.DONE: frozenset(),
    W.FAILED: frozenset(),
}
SWITCH_OPEN = (W.REQUESTED, W.SIGNED, W.SENT, W.EFFECTIVE)
