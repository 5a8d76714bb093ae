"""JSON-RPC over several URLs of one chain.

What is mere convenience is asked of one node, the next when that fails; what money depends on is asked of all at once,
and counts when a quorum agrees (quorum.py); a broadcast goes to all. With a quorum of one there is no voting, and no
thread.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar, cast

from agora.lib import log
from agora.lib.errors import Rejected, Unavailable, Uncertain, VendorError
from agora.lib.http import assert_no_transaction
from minting.chains.base import NodeReport
from minting.chains.evm.health import DOWN, LAGGING, QUARANTINED
from minting.chains.evm.nodes import BATCH, CHAIN_ID, Impossible, Node, Query, WrongNode
from minting.chains.evm.voting import NoQuorum

__all__ = ["BATCH", "Query", "Rpc", "Vote"]

logger = log.get(__name__)
PATIENCE = 0.25  # seconds for the others' answers once a quorum has spoken
ALARM_AFTER = 10.0  # seconds without a quorum

# What a node says that is behind, has no such method or wants less at once: it is there, and no failure.
HEALTHY = {"UnknownBlock", "Behind", "TooMuch", "-32601"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Vote(Generic[T]):
    """A node's answer, or its refusal (then there is no answer). Only those that count make a quorum."""

    node: Node
    answer: T
    refusal: Rejected | None = None
    counts: bool = True


class Rpc:
    def __init__(
        self,
        urls: Sequence[str],
        *,
        chain_id: int,
        timeout: tuple[float, float],
        quorum: int = 1,
        max_lag: int = 5,
        codes: Callable[[], Mapping[str, str]] = dict,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not urls or not 1 <= quorum <= len(urls):
            raise ValueError("CHAIN_RPC_URLS names too few nodes: at least one, and as many as CHAIN_QUORUM")
        self.quorum = quorum
        self._chain_id, self._codes, self._clock = chain_id, codes, clock
        self._nodes = [Node(url, timeout=timeout, max_lag=max_lag, clock=clock) for url in urls]
        for number, node in enumerate(self._nodes):
            if node.name in {other.name for other in self._nodes[:number]}:  # two keys of one provider
                node.name = node.health.name = f"{node.name}#{number + 1}"
        self._preferred = self._nodes[0]  # who answered last: a dead one costs its time-out once, not at every call
        self._lock = threading.Lock()
        self._pool: tuple[int, ThreadPoolExecutor] | None = None
        self._without_quorum_since: float | None = None
        self._has_alarmed = False

    # --- One node's word ------------------------------------------------------------------------------------------

    def ask(self, query: Query[T]) -> T:
        """The answer of the first node that gives one. Raises Rejected or Unavailable."""
        return self.first(lambda node: node.ask(query)).answer

    def ask_batch(self, queries: Sequence[Query[T]]) -> list[T]:
        """The answers in order, a hundred a call, each call to one node. One refusal among them raises it."""
        answers: list[T] = []
        for start in range(0, len(queries), BATCH):
            part = queries[start : start + BATCH]
            answers += self.first(partial(Node.ask_batch, queries=part)).answer
        return answers

    def served_chain_id(self) -> int:
        """The chain that a node really serves, unchecked."""
        return self.first(lambda node: node.ask(CHAIN_ID), check=False).answer

    def first(self, attempt: Callable[[Node], T], *, check: bool = True) -> Vote[T]:
        """Of the first node that answers, by rotation. Raises its Rejected; Unavailable when none does."""
        failures: list[VendorError] = []
        for node in self._in_turn():
            try:
                if check:
                    self._check(node)
                answer = attempt(node)
            except (Unavailable, Uncertain) as error:  # a read changes nothing: to ask another is always safe
                self._blame(node, error)
                failures.append(error)
                continue
            node.health.answered()
            if self.quorum == 1:
                node.health.agrees("")  # with nobody
            self._preferred = node
            return Vote(node, answer)
        if not failures:
            raise NoQuorum("every node is quarantined")
        last = failures[-1]
        detail = "; ".join(failure.detail for failure in failures)
        code = next((failure.vendor_code for failure in reversed(failures) if failure.vendor_code), "")
        raise Unavailable(detail, vendor_code=code, retry_after=last.retry_after) from last

    # --- All nodes' words -----------------------------------------------------------------------------------------

    def ask_every(self, query: Query[T], *, wanted: Callable[[T], bool]) -> list[T | VendorError]:
        """What each node says, the refusals and failures among it. After an answer that is wanted, the rest have a
        moment more."""
        assert_no_transaction()
        if len(self._nodes) == 1:
            return [_said(self._nodes[0], query)]
        nodes = [node for node in self._nodes if node.health.is_due and not self._lies(node)] or self._nodes
        found = self._gather(nodes, lambda node: _said(node, query), lambda said: any(_is(one, wanted) for one in said))
        return found

    def poll(self, attempt: Callable[[Node], T], *, enough: Callable[[list[Vote[T]]], bool]) -> list[Vote[T]]:
        """What the nodes that count say, a quorum of them at least. Raises NoQuorum.

        All are asked at once. When what was said is `enough`, the rest have a moment more.
        """
        if self.quorum == 1:
            return [self.first(attempt)]
        assert_no_transaction()  # of this thread: the pool's have none
        voters = self._voters()
        codes = self._codes() if not all(node.health.is_checked for node in voters) else {}

        def is_enough(said: list[Vote[T] | None]) -> bool:
            counted = [one for one in said if one is not None and one.counts]
            return len(counted) >= self.quorum and enough(counted)

        said = self._gather(voters, partial(self._vote, attempt=attempt, codes=codes), is_enough)
        votes = [one for one in said if one is not None]
        if (counted := sum(vote.counts for vote in votes)) < self.quorum:
            states = ", ".join(f"{node.name} is {node.health.state}" for node in self._nodes)
            raise NoQuorum(f"{counted} of {len(self._nodes)} nodes answer, {self.quorum} must: {states}")
        return votes

    def note(self, *, has_quorum: bool) -> None:
        """Whether the last look at the chain came to a conclusion; an alarm when none has for a while."""
        now = self._clock()
        if has_quorum:
            self._without_quorum_since, self._has_alarmed = None, False
            return
        self._without_quorum_since = self._without_quorum_since or now
        if now - self._without_quorum_since >= ALARM_AFTER and not self._has_alarmed:
            self._has_alarmed = True
            nodes = {report.name: f"{report.state} at {report.head}" for report in self.reports()}
            logger.error("no quorum of rpcs", quorum=self.quorum, nodes=nodes)

    def reports(self) -> list[NodeReport]:
        return [node.health.report() for node in self._nodes]

    def close(self) -> None:
        if self._pool:
            self._pool[1].shutdown(wait=False, cancel_futures=True)
            self._pool = None
        for node in self._nodes:
            node.close()

    # --- Private --------------------------------------------------------------------------------------------------

    def _in_turn(self) -> list[Node]:
        """The one that answered last, those after it; then those behind or down; never one that lies."""
        at = self._nodes.index(self._preferred)
        turn = [node for node in self._nodes[at:] + self._nodes[:at] if not self._lies(node)]
        return sorted(turn, key=lambda node: node.health.state in (LAGGING, DOWN))

    def _voters(self) -> list[Node]:
        honest = [node for node in self._nodes if not self._lies(node)]
        prompt = [node for node in honest if node.health.is_due and not node.is_busy]
        counted = [node for node in prompt if node.health.counts]
        return prompt if len(counted) >= self.quorum else honest

    def _lies(self, node: Node) -> bool:
        return len(self._nodes) > 1 and node.health.state == QUARANTINED

    def _gather(self, nodes: Sequence[Node], ask: Callable[[Node], T], enough: Callable[[list[T]], bool]) -> list[T]:
        """Each node's, in parallel; those that are there a moment after they are enough."""
        # With our context: what is asked about an order stays in its trace and in its log lines.
        pending: set[Future[T]] = {self._executor().submit(copy_context().run, ask, node) for node in nodes}
        found: list[T] = []
        deadline: float | None = None
        while pending:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            done, pending = wait(pending, timeout=left, return_when=FIRST_COMPLETED)
            if not done:
                break
            found += [future.result() for future in done]
            if deadline is None and enough(found):
                deadline = time.monotonic() + PATIENCE
        return found

    def _vote(self, node: Node, *, attempt: Callable[[Node], T], codes: Mapping[str, str]) -> Vote[T] | None:
        """In a thread of the pool. None: it failed."""
        node.is_busy = True
        try:
            if not node.health.is_checked:
                node.check(chain_id=self._chain_id, codes=codes)
            answer = attempt(node)
        except Rejected as refusal:
            return Vote(node, cast(T, None), refusal, counts=node.health.counts)
        except (Unavailable, Uncertain) as error:
            self._blame(node, error)
            return None
        finally:
            node.is_busy = False
        with self._lock:
            node.health.answered()
        return Vote(node, answer, counts=node.health.counts)

    def _check(self, node: Node) -> None:
        """Once a connection: a URL of another chain among the right ones must not be believed when its turn comes."""
        if not node.health.is_checked:
            node.check(chain_id=self._chain_id, codes=self._codes())

    def _blame(self, node: Node, error: VendorError) -> None:
        with self._lock:
            if isinstance(error, WrongNode) and len(self._nodes) > 1:
                node.health.quarantine(error.detail)
            elif isinstance(error, Impossible) and self.quorum > 1:
                node.health.suspect("data", error.detail)
            elif error.vendor_code not in HEALTHY:
                node.health.failed(error.detail)

    def _executor(self) -> ThreadPoolExecutor:
        """Of this process: a fork has none of its parent's threads."""
        if self._pool is None or self._pool[0] != os.getpid():
            workers = ThreadPoolExecutor(max_workers=4 * len(self._nodes), thread_name_prefix="rpc")
            self._pool = (os.getpid(), workers)
        return self._pool[1]


def _is(said: T | VendorError, wanted: Callable[[T], bool]) -> bool:
    return not isinstance(said, VendorError) and wanted(said)


def _said(node: Node, query: Query[T]) -> T | VendorError:
    try:
        return node.ask(query)
    except VendorError as error:
        return error
