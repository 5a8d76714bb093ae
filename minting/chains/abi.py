"""Our contracts' calls, events and errors as bytes, and back."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from eth_abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils import keccak
from eth_utils.abi import abi_to_signature, get_abi_input_types, get_abi_output_types

from minting.chains import artifact

SELECTOR = 4  # bytes of the hash of a signature that name a function or an error

# Solidity's own two errors, which no contract's ABI lists.
_BUILT_IN = [
    {"type": "error", "name": "Error", "inputs": [{"name": "reason", "type": "string"}]},
    {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
]


class ContractError(NamedTuple):
    name: str  # e.g. BrokerTradeAlreadyUsed
    text: str  # with its values, e.g. BrokerTradeAlreadyUsed('trade-1')
    values: tuple[Any, ...]


def encode_call(name: str, *arguments: object, of: str = artifact.TOKEN) -> str:
    """Calldata (0x…) of one of a contract's functions."""
    entry = artifact.load(of).entry("function", name)
    return "0x" + (_hash(entry)[:SELECTOR] + _encode_inputs(entry, arguments)).hex()


def decode_answer(name: str, data: bytes, *, of: str = artifact.TOKEN) -> tuple[Any, ...]:
    """What one of a contract's functions returned."""
    entry: Any = artifact.load(of).entry("function", name)
    return decode(get_abi_output_types(entry), data)


def encode_deployment(*arguments: object, of: str = artifact.TOKEN) -> str:
    """Creation code (0x…) with the constructor's arguments."""
    compiled = artifact.load(of)
    return compiled.bytecode + _encode_inputs(compiled.entry("constructor"), arguments).hex()


def name_arguments(*arguments: object, of: str = artifact.TOKEN) -> dict[str, object]:
    """A constructor's arguments by their names in the source."""
    names = (entry["name"].rstrip("_") for entry in artifact.load(of).entry("constructor")["inputs"])
    return dict(zip(names, arguments, strict=True))


@functools.cache
def minted_topic() -> str:
    """The first topic of every Minted event."""
    return "0x" + _hash(artifact.load().entry("event", "Minted")).hex()


@functools.cache
def transfer_topic() -> str:
    """The first topic of every Transfer event."""
    return "0x" + _hash(artifact.load().entry("event", "Transfer")).hex()


def mint_key_topic(mint_key: str) -> str:
    """The second topic of a Minted event, which is also the key of `usedBrokerTrade`."""
    return "0x" + keccak(text=mint_key).hex()


def decode_minted(data: bytes) -> tuple[int, str]:
    """Amount and mint key, the fields of a Minted event that are not topics."""
    amount, mint_key = decode(["uint256", "string"], data)
    return int(amount), str(mint_key)


def decode_error(data: bytes) -> ContractError | None:
    """The error that a call reverted with, None if these bytes are none that we know."""
    entry = _errors().get(data[:SELECTOR])
    if entry is None:
        return None
    try:
        values = decode(get_abi_input_types(entry), data[SELECTOR:])
    except DecodingError:
        return None
    shown = ", ".join(_shown(value) for value in values)
    return ContractError(name=entry["name"], text=f"{entry['name']}({shown})", values=values)


def _shown(value: Any) -> str:
    """A value of an error; bytes may be an error in their own right, such as a feed's that the token passes on."""
    if not isinstance(value, bytes):
        return repr(value)
    inner = decode_error(value)
    return inner.text if inner else "0x" + value.hex()


@functools.cache
def _errors() -> dict[bytes, Any]:
    compiled = [artifact.load(contract).abi for contract in (artifact.TOKEN, artifact.ORACLE)]
    errors = [entry for abi in compiled for entry in abi if entry["type"] == "error"]
    return {_hash(entry)[:SELECTOR]: entry for entry in [*errors, *_BUILT_IN]}


def _hash(entry: Any) -> bytes:
    return keccak(text=abi_to_signature(entry))


def _encode_inputs(entry: Any, arguments: tuple[object, ...]) -> bytes:
    return encode(get_abi_input_types(entry), arguments)
