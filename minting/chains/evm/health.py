"""What is known of one node: does it answer, does it keep up, does it tell the truth.

A node that fails is down: asked again after a wait that doubles, sooner where it is needed for a quorum. One that lies
is quarantined: not asked at all for a time that doubles with each lie; then on probation, where it is asked, but not
counted until it has agreed three times in a row. Lagging is not lying.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from agora.lib import log
from minting.chains.base import NodeReport

logger = log.get(__name__)

SUSPICIONS = 3  # in a row: one may be a reorg between two nodes' answers
PROBATION = 3  # agreements in a row
QUARANTINE = (60.0, 3600.0)  # seconds: the first, the longest
FORGET_AFTER = 10.0  # times a quarantine's length without a lie: the next one is short again
FAILURES = 3  # in a row: down
RETRY = (1.0, 30.0)  # seconds between two tries of a node that is down: the first wait, the longest

OK, LAGGING, DOWN, QUARANTINED, ON_PROBATION = "ok", "lagging", "down", "quarantined", "probation"


class Health:
    def __init__(self, name: str, *, max_lag: int, clock: Callable[[], float]) -> None:
        self.name = name
        self.head: int | None = None
        self.lag = 0  # blocks behind what a quorum has
        self.is_checked = False  # its chain id and the contracts' code, since it was last away
        self._max_lag, self._clock = max_lag, clock
        self._reason = ""
        self._failures = self._strikes = 0
        self._suspicions: Counter[str] = Counter()  # in a row, by what it was about
        self._probation = 0  # agreements that are still wanted
        self._retry_at = self._until = 0.0
        self._lied_at = 0.0

    @property
    def state(self) -> str:
        if self._clock() < self._until:
            return QUARANTINED
        if self._probation:
            return ON_PROBATION
        if self._failures >= FAILURES:
            return DOWN
        return LAGGING if self.lag > self._max_lag else OK

    @property
    def counts(self) -> bool:
        """Whether its answer is one of a quorum's."""
        return self.state not in (QUARANTINED, ON_PROBATION)

    @property
    def is_due(self) -> bool:
        """False while it is down and its next try is not due."""
        return self._failures < FAILURES or self._clock() >= self._retry_at

    def answered(self) -> None:
        if self._failures >= FAILURES:
            logger.info("rpc answers again", node=self.name)
        self._failures = 0

    def failed(self, detail: str) -> None:
        self._failures += 1
        self._reason = detail
        self.is_checked = False
        if self._failures >= FAILURES:
            wait = RETRY[0] * 2.0 ** min(self._failures - FAILURES, 10)
            self._retry_at = self._clock() + min(wait, RETRY[1])
        if self._failures == FAILURES:
            logger.warning("rpc down", node=self.name, detail=detail)

    def saw(self, head: int, *, quorum_head: int) -> None:
        self.head, self.lag = head, max(0, quorum_head - head)

    def agrees(self, kind: str) -> None:
        self._suspicions[kind] = 0
        if self._probation:
            self._probation -= 1
            if not self._probation:
                logger.info("rpc counted again", node=self.name)

    def suspect(self, kind: str, reason: str) -> None:
        """It said what a quorum contradicts. Three times in a row, or once on probation, is a lie."""
        self._suspicions[kind] += 1
        self._reason = reason
        if self._suspicions[kind] >= SUSPICIONS or self._probation:
            self.quarantine(reason)

    def quarantine(self, reason: str) -> None:
        now = self._clock()
        length = min(QUARANTINE[0] * 2.0**self._strikes, QUARANTINE[1])
        if self._strikes and now - self._lied_at > FORGET_AFTER * length:
            self._strikes, length = 0, QUARANTINE[0]
        self._strikes += 1
        self._lied_at, self._until = now, now + length
        self._probation = PROBATION
        self._suspicions.clear()
        self._reason, self.is_checked = reason, False
        logger.error("rpc quarantined", node=self.name, reason=reason, seconds=length)

    def report(self) -> NodeReport:
        state = self.state
        return NodeReport(
            name=self.name,
            state=state,
            head=self.head,
            lag=self.lag,
            reason="" if state in (OK, LAGGING) else self._reason,
            quarantines=self._strikes,
        )
