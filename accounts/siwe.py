"""Sign-in with Ethereum (EIP-4361), the half of it that needs no parser. Pure.

The server makes the whole text and keeps it; a signature counts only over exactly that text. So domain, URI, chain,
version, statement, nonce, issue and expiry are bound by construction, and there is no message of a client's to misread.
(The `siwe` packages pin web3 < 8 and leave domain, nonce and chain unchecked.)
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from eth_keys import keys
from eth_keys.exceptions import BadSignature, ValidationError
from eth_utils.crypto import keccak

VERSION = "1"
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0  # of secp256k1; EIP-2


class SignatureMalformed(ValueError):
    """Not one 65-byte ECDSA signature in its only accepted form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    domain: str  # an RFC 3986 authority: "agora.example", "localhost:8000"
    address: str  # EIP-55
    statement: str  # one line
    uri: str
    chain_id: int
    nonce: str
    issued_at: datetime
    expires_at: datetime

    def render(self) -> str:
        """The text of EIP-4361, byte for byte."""
        if "\n" in self.domain + self.address + self.statement + self.uri + self.nonce:
            raise ValueError("a field of the message has a line break")
        return (
            f"{self.domain} wants you to sign in with your Ethereum account:\n{self.address}\n\n{self.statement}\n\n"
            f"URI: {self.uri}\nVersion: {VERSION}\nChain ID: {self.chain_id}\nNonce: {self.nonce}\n"
            f"Issued At: {_iso(self.issued_at)}\nExpiration Time: {_iso(self.expires_at)}"
        )


def new_nonce() -> str:
    """192 random bits, alphanumeric as EIP-4361 wants it."""
    return secrets.token_hex(24)


def digest(text: str) -> bytes:
    """What a wallet signs for `personal_sign` (EIP-191, version 0x45)."""
    message = text.encode()
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)


def recover(*, text: str, signature: bytes) -> str:
    """The EIP-55 address whose key signed the text. Raises SignatureMalformed.

    65 bytes r ‖ s ‖ v, v 27 or 28, 0 < s ≤ n/2: of the forms that recover to the same key only one is accepted, so
    that a signature cannot be rewritten into a second valid one.
    """
    if len(signature) != 65:
        raise SignatureMalformed(f"{len(signature)} bytes, not 65")
    r, s, v = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
    if v not in (27, 28):
        raise SignatureMalformed(f"v is {v}, not 27 or 28")
    if not 0 < s <= HALF_ORDER:
        raise SignatureMalformed("s is not in the lower half")
    try:
        public_key = keys.Signature(vrs=(v - 27, r, s)).recover_public_key_from_msg_hash(digest(text))
    except (BadSignature, ValidationError) as problem:
        raise SignatureMalformed(str(problem)) from problem
    return public_key.to_checksum_address()


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
