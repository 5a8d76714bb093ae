"""JSON-RPC over several URLs of one chain: reads go to the next URL when one fails, a broadcast goes to all.

web3's provider speaks the wire. Its own retries are off (they include eth_sendRawTransaction), and so is its time-out
of 30 seconds, which would hide the guarded session's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import requests
from eth_abi.exceptions import DecodingError
from urllib3.exceptions import MaxRetryError, NewConnectionError
from web3.providers.rpc import HTTPProvider
from web3.types import RPCEndpoint

from agora.lib.errors import Unavailable, Uncertain, VendorError
from agora.lib.http import guarded_session
from minting.chains import errors
from minting.chains.evm.parsing import quantity

BATCH = 100  # requests in one HTTP call; providers' caps start there

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Query(Generic[T]):
    """One question, and how its answer is read. `parse` raises one of _GARBLED on what it does not expect."""

    method: str
    params: Sequence[object]
    parse: Callable[[Any], T]


_GARBLED = (ValueError, TypeError, KeyError, IndexError, AttributeError, DecodingError)
_CHAIN_ID = Query("eth_chainId", [], quantity)


class Rpc:
    def __init__(self, urls: Sequence[str], *, chain_id: int, timeout: tuple[float, float]) -> None:
        if not urls:
            raise ValueError("CHAIN_RPC_URLS is empty: name at least one node")
        self._chain_id = chain_id
        self._session = guarded_session(vendor="chain", timeout=timeout)
        self._nodes = [_Node(url, session=self._session, timeout=timeout) for url in urls]
        self._preferred = 0  # the node that answered last: a dead one costs its time-out once, not at every call
        self._checked: set[_Node] = set()

    def ask(self, query: Query[T]) -> T:
        """The answer of the first node that gives one. Raises Rejected or Unavailable."""
        return self._first(lambda node: node.ask(query))

    def ask_batch(self, queries: Sequence[Query[T]]) -> list[T]:
        """The answers in order, a hundred a call, each call to one node. One refusal among them raises it."""
        answers: list[T] = []
        for start in range(0, len(queries), BATCH):
            answers += self._first(partial(_Node.ask_batch, queries=queries[start : start + BATCH]))
        return answers

    def ask_every(self, query: Query[T]) -> list[T | VendorError]:
        """What each node says, the refusals and failures among it."""
        answers: list[T | VendorError] = []
        for node in self._nodes:
            try:
                answers.append(node.ask(query))
            except VendorError as error:
                answers.append(error)
        return answers

    def served_chain_id(self) -> int:
        """The chain that a node really serves, unchecked."""
        return self._first(lambda node: node.ask(_CHAIN_ID), check=False)

    def close(self) -> None:
        self._session.close()

    def _first(self, attempt: Callable[[_Node], T], *, check: bool = True) -> T:
        failures: list[VendorError] = []
        for step in range(len(self._nodes)):
            index = (self._preferred + step) % len(self._nodes)
            try:
                if check:
                    self._check(self._nodes[index])
                answer = attempt(self._nodes[index])
            except (Unavailable, Uncertain) as error:  # a read changes nothing: to ask another is always safe
                failures.append(error)
                continue
            self._preferred = index
            return answer
        last = failures[-1]
        detail = "; ".join(failure.detail for failure in failures)
        raise Unavailable(detail, vendor_code=last.vendor_code, retry_after=last.retry_after) from last

    def _check(self, node: _Node) -> None:
        """Once a node: a URL of another chain among the right ones must not be believed when its turn comes."""
        if node in self._checked:
            return
        served = node.ask(_CHAIN_ID)
        if served != self._chain_id:
            raise Unavailable(f"{node.name} serves chain {served}, not {self._chain_id}", vendor_code="WrongChain")
        self._checked.add(node)


class _Node:
    """One URL. Raises Rejected, Unavailable (nothing was sent) or Uncertain (it may have been)."""

    def __init__(self, url: str, *, session: requests.Session, timeout: tuple[float, float]) -> None:
        self.name = urlsplit(url).netloc.rpartition("@")[2]  # the rest of a provider's URL is its key: not for logs
        self._provider = HTTPProvider(
            url, request_kwargs={"timeout": timeout}, session=session, exception_retry_configuration=None
        )

    def ask(self, query: Query[T]) -> T:
        with self._speaking():
            answer = self._provider.make_request(RPCEndpoint(query.method), list(query.params))
        return self._read(query, answer)

    def ask_batch(self, queries: Sequence[Query[T]]) -> list[T]:
        with self._speaking():
            answers = self._provider.make_batch_request(
                [(RPCEndpoint(query.method), list(query.params)) for query in queries]
            )
        if isinstance(answers, dict) and "error" in answers:
            raise errors.refusal(answers["error"])
        # web3 has sorted them by id; a missing or doubled one would shift all that follow
        ids = {answer.get("id") for answer in answers if isinstance(answer, dict)}
        if len(answers) != len(queries) or len(ids) != len(queries) or None in ids:
            raise Uncertain(f"{self.name} answered {len(ids)} of {len(queries)} requests of a batch")
        return [self._read(query, answer) for query, answer in zip(queries, answers, strict=True)]

    def _read(self, query: Query[T], answer: Any) -> T:
        if not isinstance(answer, dict) or not ("result" in answer or answer.get("error")):
            raise Uncertain(f"{self.name}: garbled answer to {query.method}")
        if answer.get("error"):
            raise errors.refusal(answer["error"])
        try:
            return query.parse(answer["result"])
        except _GARBLED as error:
            raise Uncertain(f"{self.name}: garbled answer to {query.method}: {error}") from error

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """Failures of the transport and of JSON. The causes are cut off: their words hold the whole URL."""
        try:
            yield
        except requests.HTTPError as error:
            raise self._status(error.response) from None
        except requests.RequestException as error:
            reason = error.args[0] if error.args else error
            if isinstance(reason, MaxRetryError) and reason.reason is not None:
                reason = reason.reason
            never_sent = isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)
            words = f"{self.name}: {type(error).__name__}: {reason}"
            raise (Unavailable if never_sent else Uncertain)(words) from None
        except _GARBLED as error:  # not JSON, or a batch that is no list of objects
            raise Uncertain(f"{self.name}: garbled answer: {type(error).__name__}") from None

    def _status(self, response: requests.Response) -> VendorError:
        words = f"{self.name}: HTTP {response.status_code} {response.text[:200]}"
        if response.status_code >= requests.codes.internal_server_error:
            return Uncertain(words)
        if response.status_code == requests.codes.bad_request and (error := _error_of(response)):
            return errors.refusal(error)
        # 429, a wrong key, a wrong path: the node behind has seen nothing, and the question itself was not judged
        after = response.headers.get("Retry-After", "")
        return Unavailable(words, retry_after=float(after) if after.isdecimal() else None)


def _error_of(response: requests.Response) -> object:
    """The JSON-RPC error in a body, None if there is none; some providers send it with status 400."""
    try:
        return response.json()["error"]
    except _GARBLED:
        return None
