"""From an intent to the digest to sign, and from a signature to bytes that can be broadcast. Pure.

Transaction: EIP-1559 (type 2) in EIP-2718's envelope, value 0, empty access list. Signature: EIP-2 low s.
"""

from __future__ import annotations

from dataclasses import dataclass

import rlp  # type: ignore[import-untyped]
from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.address import is_checksum_address, to_canonical_address
from eth_utils.exceptions import ValidationError

from custody.signers.base import Intent, MintIntent, Signed

MINT_SIGNATURE = "mint(address,uint256,string)"
TRANSACTION_TYPE = b"\x02"
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # secp256k1's n (SEC 2, 2.4.1)


class SignatureRefused(ValueError):
    """The signature is not the expected key's over this transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsigned:
    digest: bytes  # 32 bytes: what the key signs
    calldata: bytes
    fields: tuple[object, ...]  # EIP-1559's, in order, up to the access list


def unsigned_transaction(intent: Intent) -> Unsigned:
    """Raises ValueError where the intent can't be a transaction."""
    calldata = calldata_of(intent)
    fields = (
        intent.chain_id,
        intent.nonce,
        intent.max_priority_fee_per_gas,
        intent.max_fee_per_gas,
        intent.gas,
        _address(intent.contract),
        0,  # value
        calldata,
        (),  # access list
    )
    if min(field for field in fields if isinstance(field, int)) < 0:
        raise ValueError(f"A negative number in {intent}")
    return Unsigned(digest=keccak(TRANSACTION_TYPE + rlp.encode(fields)), calldata=calldata, fields=fields)


def calldata_of(intent: Intent) -> bytes:
    if isinstance(intent, MintIntent):
        return mint_calldata(to=intent.to, amount_wei=intent.amount_wei, mint_key=intent.mint_key)
    return keccak(f"{intent.method.value}()".encode())[:4]


def mint_calldata(*, to: str, amount_wei: int, mint_key: str) -> bytes:
    if not 0 < amount_wei < 2**256 or not mint_key:
        raise ValueError("A mint has an amount (uint256, not 0) and a mint key")
    arguments = encode(["address", "uint256", "string"], [_address(to), amount_wei, mint_key])
    return keccak(MINT_SIGNATURE.encode())[:4] + arguments


def assemble(intent: Intent, *, r: int, s: int, expected_address: str) -> Signed:
    """The signed transaction; SignatureRefused unless (r, s) is `expected_address`'s signature over this intent.

    Both parities are tried and the address recovered: whatever `v` the provider reports is not looked at.
    """
    unsigned = unsigned_transaction(intent)
    if s > CURVE_ORDER // 2:
        s = CURVE_ORDER - s  # EIP-2: nodes refuse the high twin; the parity flips with it, and is recovered below
    for parity in (0, 1):
        if _recover(unsigned.digest, parity, r, s) == expected_address:
            return signed_of(TRANSACTION_TYPE + rlp.encode((*unsigned.fields, parity, r, s)))
    raise SignatureRefused(f"Not a signature of {expected_address} over this transaction")


def signed_of(raw: bytes) -> Signed:
    return Signed(raw=raw, tx_hash="0x" + keccak(raw).hex())


def _recover(digest: bytes, parity: int, r: int, s: int) -> str | None:
    try:
        signature = Signature(vrs=(parity, r, s))
        return str(signature.recover_public_key_from_msg_hash(digest).to_checksum_address())
    except (BadSignature, ValidationError):
        return None  # no point of the curve has this r with this parity, or r, s are out of range


def _address(address: str) -> bytes:
    if not is_checksum_address(address):
        raise ValueError(f"Not a checksummed address: {address!r}")
    return bytes(to_canonical_address(address))
