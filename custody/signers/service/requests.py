"""From what came over the socket to a structured intent: exactly the fields there are, of exactly their types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_utils.address import is_checksum_address

from custody.signers.base import Intent, MintIntent, StopIntent, StopMethod
from custody.signers.service.refusals import Refused

MAX_REQUEST_ID = 80
_TRANSACTION = {"chain_id": 63, "nonce": 63, "gas": 63, "max_fee_per_gas": 256, "max_priority_fee_per_gas": 256}  # bits


@dataclass(frozen=True, slots=True, kw_only=True)
class SignRequest:
    key: str
    request_id: str
    intent: Intent


def parse_sign(message: Mapping[str, Any]) -> SignRequest:
    """Raises Refused."""
    fields = _exactly(message, ("op", "key", "method", "request_id", "intent"))
    method, request_id = _text(fields, "method"), _text(fields, "request_id")
    if not 0 < len(request_id) <= MAX_REQUEST_ID or not request_id.isascii():
        raise Refused("MALFORMED", f"request_id has 1 to {MAX_REQUEST_ID} ASCII characters")
    content = fields["intent"]
    if not isinstance(content, dict):
        raise Refused("MALFORMED", "intent is not an object")
    if method == "mint":
        intent: Intent = _mint(content)
    elif method in list(StopMethod):
        stop = _exactly(content, ("contract", *_TRANSACTION))
        intent = StopIntent(contract=_address(stop, "contract"), method=StopMethod(method), **_transaction(stop))
    else:
        raise Refused("METHOD_NOT_ALLOWED", f"no key signs {method!r}")
    return SignRequest(key=_text(fields, "key"), request_id=request_id, intent=intent)


def _mint(content: Mapping[str, Any]) -> MintIntent:
    fields = _exactly(content, ("contract", "to", "amount_wei", "mint_key", "replaces", *_TRANSACTION))
    replaces = None if fields["replaces"] is None else _number(fields, "replaces", 63)
    return MintIntent(
        contract=_address(fields, "contract"),
        to=_address(fields, "to"),
        amount_wei=_number(fields, "amount_wei", 256),
        mint_key=_text(fields, "mint_key"),
        replaces=replaces,
        **_transaction(fields),
    )


def _transaction(fields: Mapping[str, Any]) -> dict[str, int]:
    return {name: _number(fields, name, bits) for name, bits in _TRANSACTION.items()}


def _exactly(content: Mapping[str, Any], names: tuple[str, ...]) -> Mapping[str, Any]:
    if set(content) != set(names):
        missing, unknown = sorted(set(names) - set(content)), sorted(set(content) - set(names))
        raise Refused("MALFORMED", f"missing {missing}, unknown {[name[:40] for name in unknown[:5]]}")
    return content


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise Refused("MALFORMED", f"{name} is not a string")
    return value


def _number(fields: Mapping[str, Any], name: str, bits: int) -> int:
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**bits:
        raise Refused("MALFORMED", f"{name} is not a whole number of at most {bits} bits")
    return value


def _address(fields: Mapping[str, Any], name: str) -> str:
    value = _text(fields, name)
    if not is_checksum_address(value):
        raise Refused("MALFORMED", f"{name} is no checksummed address")
    return value
