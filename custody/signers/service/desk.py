"""One request after another: parse, check, record, sign, record, answer. Nothing leaves before it is on the disk."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from agora.lib.errors import Rejected, Unavailable, Uncertain, VendorError
from custody.signers.base import SIGNED_SOMETHING_ELSE, Signed
from custody.signers.encoding import signed_of, unsigned_transaction
from custody.signers.service.backends import Backend
from custody.signers.service.config import Config, KeyConfig
from custody.signers.service.crash import CrashPoints
from custody.signers.service.policy import check_scope
from custody.signers.service.record import Record
from custody.signers.service.refusals import Refused
from custody.signers.service.requests import SignRequest, parse_sign

Answer = dict[str, Any]


class Desk:
    """`clock` gives seconds since 1970."""

    def __init__(
        self,
        config: Config,
        *,
        record: Record,
        backends: Mapping[str, Backend],
        clock: Callable[[], float] = time.time,
        crash: CrashPoints,
    ) -> None:
        self._keys, self._record, self._backends = config.keys, record, backends
        self._clock, self.crash = clock, crash

    def answer(self, message: Mapping[str, Any], *, pid: int) -> Answer:
        """Never raises for what a caller can do: a refusal is an answer."""
        said: dict[str, Any] = {"op": str(message.get("op"))[:40], "pid": pid}
        try:
            answer = self._answer(message, said)
        except Refused as refusal:
            answer = refused(refusal.code, refusal.detail)
        except VendorError as trouble:
            answer = _trouble(trouble)
        if message.get("op") != "health":
            log("answered", **said, code=answer.get("code", "OK"), detail=answer.get("detail", ""))
        return answer

    def _answer(self, message: Mapping[str, Any], said: dict[str, Any]) -> Answer:
        if message.get("op") == "sign":
            request = parse_sign(message)
            said |= {"key": request.key, "nonce": request.intent.nonce, "contract": request.intent.contract}
            said["mint_key"] = getattr(request.intent, "mint_key", "")
            return self._sign(request)
        if message == {"op": "addresses"}:
            return {"ok": True, "addresses": {name: key.address for name, key in self._keys.items()}}
        if message == {"op": "health"}:
            entries, head = self._record.head()
            return {"ok": True, "entries": entries, "head": head}
        raise Refused("UNKNOWN_OPERATION", "sign, addresses or health, with their own fields and no others")

    def _sign(self, request: SignRequest) -> Answer:
        key, intent = self._key(request.key), request.intent
        scope = check_scope(key, intent)
        try:
            unsigned = unsigned_transaction(intent)
        except ValueError as problem:
            raise Refused("MALFORMED", f"not a transaction: {problem}") from problem
        self.crash.here("before_record")
        authorised = self._record.authorise(key=key, scope=scope, intent=intent, unsigned=unsigned, now=self._now())
        if authorised.signed is not None:
            return _signed(authorised.signed)
        self.crash.here("after_record")
        outcome = self._backends[key.name].sign(intent, request_id=request.request_id)
        if not isinstance(outcome, Signed):
            return {"ok": True, "submitted": {"provider_id": outcome.provider_id, "status": outcome.status}}
        self.crash.here("after_signature")
        kept = self._record.keep(key=key, unsigned=unsigned, signed=outcome, now=self._now())
        self.crash.here("after_keep")
        return _signed(kept)

    def _key(self, name: str) -> KeyConfig:
        if name not in self._keys:
            raise Refused("UNKNOWN_KEY", "there is no key of that name")
        return self._keys[name]

    def _now(self) -> int:
        return int(self._clock())


def refused(code: str, detail: str) -> Answer:
    return {"ok": False, "kind": "rejected", "code": code, "detail": detail[:500]}


def log(event: str, **facts: object) -> None:
    """One line of JSON: who asked for what, and what came of it. No key and no signature is ever among the facts."""
    sys.stderr.write(json.dumps({"event": event, "at": round(time.time(), 3), **facts}) + "\n")
    sys.stderr.flush()


def _signed(signed: Signed) -> Answer:
    assert signed_of(signed.raw) == signed
    return {"ok": True, "signed": {"raw": signed.raw.hex(), "tx_hash": signed.tx_hash}}


def _trouble(trouble: VendorError) -> Answer:
    kinds: dict[type[VendorError], str] = {Unavailable: "unavailable", Uncertain: "uncertain"}
    kind = next((name for cls, name in kinds.items() if isinstance(trouble, cls)), "rejected")
    assert kind != "rejected" or isinstance(trouble, Rejected)
    code = SIGNED_SOMETHING_ELSE if trouble.vendor_code == SIGNED_SOMETHING_ELSE else f"VENDOR {trouble.vendor_code}"
    return {"ok": False, "kind": kind, "code": code.strip(), "detail": trouble.detail[:500]}
