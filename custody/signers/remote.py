"""The signer's process as the signer: the client of its socket. It holds no key and decides nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agora.lib.errors import Rejected, Unavailable, Uncertain
from agora.lib.http import assert_no_transaction
from agora.lib.metrics import CALLS
from custody.signers import wire
from custody.signers.base import Intent, MintIntent, Signed, StopIntent, Submitted
from custody.signers.encoding import signed_of

CONNECT_WITHIN = 2.0  # seconds
ANSWER_WITHIN = 15.0  # Fireblocks may take a while, and the signer asks it with time-outs of its own


class RemoteSigner:
    """Implements custody.signers.base.Signer and StopSigner with the key of that name in the signer's configuration.

    A request may be made any number of times: the signer answers an identical one identically.
    """

    name = "signer"

    def __init__(self, path: Path, *, key: str) -> None:
        self._path, self._key = path, key

    def address(self) -> str:
        return self._address

    @functools.cached_property
    def _address(self) -> str:
        addresses = _ask(self._path, {"op": "addresses"})["addresses"]
        if self._key not in addresses:
            raise Unavailable(f"the signer has no key {self._key!r}", vendor_code="UNKNOWN_KEY")
        return str(addresses[self._key])

    def sign_mint(self, intent: MintIntent, *, request_id: str) -> Signed | Submitted:
        return self._sign("mint", intent, request_id)

    def sign_stop(self, intent: StopIntent, *, request_id: str) -> Signed | Submitted:
        return self._sign(intent.method.value, intent, request_id)

    def health(self) -> dict[str, Any]:
        """{"entries": how many there are in its record, "head": the newest one's hash}. Unavailable."""
        return _ask(self._path, {"op": "health"})

    def _sign(self, method: str, intent: Intent, request_id: str) -> Signed | Submitted:
        fields = {name: value for name, value in dataclasses.asdict(intent).items() if name != "method"}
        request = {"op": "sign", "key": self._key, "method": method, "request_id": request_id, "intent": fields}
        answer = _ask(self._path, request)
        if "signed" in answer:
            signed = signed_of(bytes.fromhex(answer["signed"]["raw"]))
            if signed.tx_hash != answer["signed"]["tx_hash"]:
                raise Uncertain("the signer's bytes have another hash than it says")
            return signed
        submitted = answer["submitted"]
        return Submitted(provider_id=submitted["provider_id"], status=submitted["status"])


@contextlib.contextmanager
def _counted() -> Iterator[None]:
    """As a call to a vendor is: the signer tells nobody how it is."""
    began, outcome = time.monotonic(), "ok"
    try:
        yield
    except Exception as problem:
        outcome = _OUTCOMES.get(type(problem), "failed")
        raise
    finally:
        CALLS.observe(time.monotonic() - began, vendor="signer", server="socket", outcome=outcome)


_OUTCOMES: dict[type[Exception], str] = {Rejected: "refused", Unavailable: "unreachable", Uncertain: "timeout"}


@_counted()
def _ask(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    assert_no_transaction()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(CONNECT_WITHIN)
        try:
            connection.connect(str(path))
        except OSError as problem:
            raise Unavailable(f"no signer at {path}: {problem}") from problem
        deadline = time.monotonic() + ANSWER_WITHIN
        with contextlib.suppress(OSError):  # it may have answered and gone, as it does to whom it will not hear
            wire.send(connection, request)
        try:
            answer = wire.receive(connection, at_most=wire.MAX_ANSWER, deadline=deadline)
        except (OSError, wire.BrokenFrame) as problem:
            raise Uncertain(f"the signer did not answer: {problem}") from problem
    if answer.get("ok") is True:
        return answer
    kinds = {"unavailable": Unavailable, "uncertain": Uncertain, "rejected": Rejected}
    error = kinds.get(str(answer.get("kind")), Uncertain)
    code = str(answer.get("code", ""))
    raise error(f"{code}: {answer.get('detail', '')}", vendor_code=code)
