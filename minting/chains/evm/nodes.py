"""One URL of a chain: JSON-RPC on the wire, and what its failures mean.

web3's provider speaks the wire. Its own retries are off (they include eth_sendRawTransaction), and so is its time-out
of 30 seconds, which would hide the guarded session's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import requests
from eth_abi.exceptions import DecodingError
from eth_utils import keccak
from urllib3.exceptions import MaxRetryError, NewConnectionError
from web3.providers.rpc import HTTPProvider
from web3.types import RPCEndpoint

from agora.lib import retry_after
from agora.lib.errors import Rejected, Unavailable, Uncertain, VendorError
from agora.lib.http import guarded_session
from minting.chains import errors
from minting.chains.evm.health import Health
from minting.chains.evm.parsing import data, quantity

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Query(Generic[T]):
    """One question, and how its answer is read. `parse` raises one of _GARBLED on what it does not expect."""

    method: str
    params: Sequence[object]
    parse: Callable[[Any], T]


class Impossible(Uncertain):
    """A well-formed answer with what cannot be in it: a broken node, or one that lies."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, vendor_code="Garbled")


class WrongNode(Unavailable):
    """The node is of another chain, or has other code where our contracts are."""


_GARBLED = (ValueError, TypeError, KeyError, IndexError, AttributeError, DecodingError)
BATCH = 100  # requests in one HTTP call; providers' caps start there
SEND = "eth_sendRawTransaction"
CHAIN_ID = Query("eth_chainId", [], quantity)


class Node:
    """One URL. Raises Rejected, Unavailable (nothing was sent) or Uncertain (it may have been)."""

    def __init__(self, url: str, *, timeout: tuple[float, float], max_lag: int, clock: Callable[[], float]) -> None:
        self.name = urlsplit(url).netloc.rpartition("@")[2]  # the rest of a provider's URL is its key: not for logs
        self.health = Health(self.name, max_lag=max_lag, clock=clock)
        self._batch = BATCH  # what it takes at once, learned from its refusals
        self.is_busy = False  # with a question that somebody stopped waiting for
        self._session = guarded_session(vendor="chain", timeout=timeout)
        self._provider = HTTPProvider(
            url, request_kwargs={"timeout": timeout}, session=self._session, exception_retry_configuration=None
        )

    def close(self) -> None:
        self._session.close()

    def check(self, *, chain_id: int, codes: Mapping[str, str]) -> None:
        """Raise WrongNode unless it serves this chain, with this code (address: its hash) where our contracts are."""
        served = self.ask(CHAIN_ID)
        if served != chain_id:
            raise WrongNode(f"{self.name} serves chain {served}, not {chain_id}", vendor_code="WrongChain")
        found = self.ask_batch([Query("eth_getCode", [address, "latest"], data) for address in codes]) if codes else []
        for (address, wanted), code in zip(codes.items(), found, strict=True):
            if not code:
                raise Unavailable(f"{self.name} has no code at {address} yet", vendor_code="Behind")
            if "0x" + keccak(code).hex() != wanted:
                raise WrongNode(f"{self.name} has other code at {address}", vendor_code="WrongCode")
        self.health.is_checked = True

    def ask(self, query: Query[T]) -> T:
        with self._speaking():
            answer = self._provider.make_request(RPCEndpoint(query.method), list(query.params))
        return self._read(query, answer)

    def ask_batch(self, queries: Sequence[Query[T]]) -> list[T]:
        """The answers in order; in smaller parts where the node will not take so many at once."""
        answers: list[T] = []
        while len(answers) < len(queries):
            part = queries[len(answers) : len(answers) + self._batch]
            try:
                answers += self._ask_part(part)
            except (Unavailable, Uncertain) as trouble:
                if len(part) == 1 or trouble.vendor_code != errors.TOO_MUCH:
                    raise
                self._batch = len(part) // 2
        return answers

    def _ask_part(self, queries: Sequence[Query[T]]) -> list[T]:
        with self._speaking():
            answers = self._provider.make_batch_request(
                [(RPCEndpoint(query.method), list(query.params)) for query in queries]
            )
        if isinstance(answers, dict) and "error" in answers:
            raise errors.refusal(answers["error"])
        # web3 has sorted them by id; a missing or doubled one would shift all that follow
        ids = {answer.get("id") for answer in answers if isinstance(answer, dict)}
        if len(answers) != len(queries) or len(ids) != len(queries) or None in ids:
            words = f"{self.name} answered {len(ids)} of {len(queries)} requests of a batch"
            raise Uncertain(words, vendor_code=errors.TOO_MUCH if len(answers) < len(queries) else "Garbled")
        return [self._read(query, answer) for query, answer in zip(queries, answers, strict=True)]

    def _read(self, query: Query[T], answer: Any) -> T:
        if not isinstance(answer, dict) or not ("result" in answer or answer.get("error")):
            raise Uncertain(f"{self.name}: garbled answer to {query.method}", vendor_code="Garbled")
        if answer.get("error"):
            told = errors.refusal(answer["error"])
            if told.vendor_code in errors.OF_THE_POOL and query.method != SEND:
                raise Uncertain(told.detail, vendor_code=told.vendor_code)
            raise told
        try:
            return query.parse(answer["result"])
        except _GARBLED as error:
            raise Impossible(f"{self.name}: garbled answer to {query.method}: {error}") from error

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
        if (error := _error_of(response)) is not None:
            told = errors.refusal(error)
            if isinstance(told, Rejected) or response.status_code == requests.codes.bad_request:
                return told  # the node's own word, whatever its status; a gateway's is judged by the status
        if response.status_code == requests.codes.request_entity_too_large:
            return Unavailable(words, vendor_code=errors.TOO_MUCH)
        if response.status_code >= requests.codes.internal_server_error:
            return Uncertain(words)
        # 429, a wrong key, a wrong path: the node behind has seen nothing, and the question itself was not judged
        return Unavailable(words, retry_after=retry_after.seconds(response.headers, now=time.time()))


def _error_of(response: requests.Response) -> object:
    """The JSON-RPC error in a body, None if there is none; some providers send it with status 400."""
    try:
        return response.json()["error"]
    except _GARBLED:
        return None
