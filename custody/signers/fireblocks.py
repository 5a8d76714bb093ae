"""Fireblocks as the signer: RAW signing of a digest that we made; we assemble and the worker broadcasts.

https://developers.fireblocks.com/transactions/raw-signing
https://developers.fireblocks.com/reference/raw-signing-objects
"""

from __future__ import annotations

import time
from typing import Any

from fireblocks_sdk import RAW, VAULT_ACCOUNT, FireblocksSDK, RawMessage, TransferPeerPath, UnsignedMessage

from agora.lib.errors import Rejected, Unavailable, Uncertain
from custody.custodians.base import TransferPhase
from custody.custodians.phases import phase_of
from custody.custodians.transport import DUPLICATE_EXTERNAL_TX_ID, NotFound
from custody.signers.base import SIGNED_SOMETHING_ELSE, Intent, MintIntent, Signed, Submitted
from custody.signers.encoding import SignatureRefused, assemble, unsigned_transaction

ALGORITHM = "MPC_ECDSA_SECP256K1"
FIRST_SLEEP = 0.05  # seconds
LONGEST_SLEEP = 0.4


class FireblocksSigner:
    """Implements custody.signers.base.Signer with the key of one vault account."""

    name = "fireblocks"

    def __init__(
        self, client: FireblocksSDK, *, vault_id: str, asset_id: str, address: str, wait_seconds: float = 3.0
    ) -> None:
        self._client = client
        self._vault_id = vault_id
        self._asset_id = asset_id
        self._address = address
        self._wait_seconds = wait_seconds

    def address(self) -> str:
        return self._address

    def sign_mint(self, intent: MintIntent, *, request_id: str) -> Signed | Submitted:
        return self.sign(intent, request_id=request_id)

    def sign(self, intent: Intent, *, request_id: str) -> Signed | Submitted:
        content = unsigned_transaction(intent).digest.hex()
        try:
            transaction = self._create(content, request_id)
        except Uncertain as exc:
            if exc.vendor_code != DUPLICATE_EXTERNAL_TX_ID:
                raise
            transaction = self._look_up(request_id, content)
        deadline, sleep = time.monotonic() + self._wait_seconds, FIRST_SLEEP
        while True:
            signed = self._signed(transaction, intent, content)
            if signed is not None:
                return signed
            submitted = Submitted(provider_id=str(transaction["id"]), status=str(transaction["status"]))
            if time.monotonic() + sleep > deadline:
                return submitted
            time.sleep(sleep)
            sleep = min(sleep * 1.5, LONGEST_SLEEP)
            try:
                transaction = _checked(self._client.get_transaction_by_id(submitted.provider_id))
            except Unavailable:
                return submitted  # the request stands: only our look at it failed

    def _create(self, content: str, request_id: str) -> dict[str, Any]:
        message = RawMessage([UnsignedMessage(content).__dict__], algorithm=ALGORITHM)
        return _checked(
            self._client.create_transaction(
                tx_type=RAW,
                asset_id=self._asset_id,
                source=TransferPeerPath(VAULT_ACCOUNT, self._vault_id),
                extra_parameters={"rawMessageData": message.__dict__},
                note="Agora transaction",
                external_tx_id=request_id,
            ),
            error=Uncertain,
        )

    def _look_up(self, request_id: str, content: str) -> dict[str, Any]:
        try:
            found = _checked(self._client.get_transaction_by_external_id(request_id))
        except NotFound as exc:
            # Burned by a request that failed, or not visible yet: Fireblocks doesn't tell these apart.
            raise Uncertain(f"{request_id} is used but not found", vendor_code=exc.vendor_code) from exc
        messages = ((found.get("extraParameters") or {}).get("rawMessageData") or {}).get("messages") or []
        asked = [_plain_hex(message.get("content")) for message in messages]
        source = str((found.get("source") or {}).get("id"))
        if found.get("operation") != RAW or asked != [content] or source != self._vault_id:
            raise _something_else(f"{request_id} asked for {asked} by vault account {source}")
        return found

    def _signed(self, transaction: dict[str, Any], intent: Intent, content: str) -> Signed | None:
        """None while it is pending. A COMPLETED one is judged by its signature alone."""
        status, sub_status = str(transaction["status"]), str(transaction.get("subStatus") or "")
        if status != "COMPLETED":
            if phase_of(status, sub_status) is TransferPhase.FAILED:
                words = transaction.get("errorDescription") or "the request was not signed"
                raise Rejected(f"{status} {sub_status}: {words}", vendor_code=sub_status or status)
            return None
        messages = transaction.get("signedMessages") or []
        if not messages:
            return None
        if [_plain_hex(message.get("content")) for message in messages] != [content]:
            raise _something_else("the signed content is not ours")
        signature = messages[0].get("signature") or {}
        try:
            r, s = int(str(signature.get("r")), 16), int(str(signature.get("s")), 16)
            return assemble(intent, r=r, s=s, expected_address=self._address)
        except SignatureRefused as exc:
            raise _something_else(str(exc)) from exc
        except ValueError as exc:
            raise Uncertain(f"COMPLETED with a signature that can't be read: {signature}") from exc


def _something_else(why: str) -> Rejected:
    """What was signed under this request id is of no use to anybody who holds our intent."""
    return Rejected(f"Fireblocks signed something else: {why}", vendor_code=SIGNED_SOMETHING_ELSE)


def _plain_hex(value: object) -> str:
    return str(value or "").lower().removeprefix("0x")


def _checked(answer: Any, error: type[Unavailable | Uncertain] = Unavailable) -> dict[str, Any]:
    if not isinstance(answer, dict) or not answer.get("id") or not answer.get("status"):
        raise error(f"Fireblocks answered without an id or a status: {answer!r}")
    return answer
