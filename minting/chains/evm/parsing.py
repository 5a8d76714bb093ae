"""A node's JSON as our own types. What is not exactly as expected raises ValueError, TypeError or KeyError."""

from __future__ import annotations

import re
from typing import Any

from eth_utils import to_checksum_address

from minting.chains import abi
from minting.chains.base import Header, MintedLog, Receipt, TransferLog

_QUANTITY = re.compile(r"0x[0-9a-fA-F]+")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")


def quantity(value: Any) -> int:
    return int(_matching(_QUANTITY, value), 16)


def hash32(value: Any) -> str:
    return _matching(_HASH, value).lower()


def data(value: Any) -> bytes:
    return bytes.fromhex(_matching(_DATA, value)[2:])


def header(value: Any) -> Header:
    return Header(
        number=quantity(value["number"]),
        hash=hash32(value["hash"]),
        parent_hash=hash32(value["parentHash"]),
        timestamp=quantity(value["timestamp"]),
    )


def header_or_none(value: Any) -> Header | None:
    return None if value is None else header(value)


def base_fee(value: Any) -> int:
    return quantity(value["baseFeePerGas"])


def receipt_or_none(value: Any) -> Receipt | None:
    if value is None or value["blockNumber"] is None:  # some nodes show pending ones
        return None
    return Receipt(
        tx_hash=hash32(value["transactionHash"]),
        block_number=quantity(value["blockNumber"]),
        block_hash=hash32(value["blockHash"]),
        succeeded=bool(["0x0", "0x1"].index(value["status"])),
        gas_used=quantity(value["gasUsed"]),
        effective_gas_price=quantity(value["effectiveGasPrice"]),
    )


def minted_logs(value: Any) -> list[MintedLog]:
    return [_minted_log(log) for log in _mined(value)]


def transfers(value: Any) -> list[TransferLog]:
    return [_transfer(log) for log in _mined(value)]


def _mined(value: Any) -> list[Any]:
    """The mined logs of an eth_getLogs answer; what is pending or was removed by a reorg is no fact."""
    if not isinstance(value, list):
        raise TypeError("logs are no list")
    return [log for log in value if log["blockNumber"] is not None and not log.get("removed")]


def _transfer(value: Any) -> TransferLog:
    topic, sender_topic, to_topic = value["topics"]
    amount = data(value["data"])
    if topic != abi.transfer_topic() or len(amount) != 32:
        raise ValueError("that is no ERC-20 Transfer")
    return TransferLog(
        contract=to_checksum_address(value["address"]),
        sender=to_checksum_address(data(sender_topic)[-20:]),
        to=to_checksum_address(data(to_topic)[-20:]),
        amount_wei=int.from_bytes(amount),
        block_number=quantity(value["blockNumber"]),
    )


def _minted_log(value: Any) -> MintedLog:
    topic, key_topic, to_topic = value["topics"]
    amount_wei, mint_key = abi.decode_minted(data(value["data"]))
    if topic != abi.minted_topic() or key_topic != abi.mint_key_topic(mint_key):
        raise ValueError("the topics of a Minted event are not those of its mint key")
    return MintedLog(
        contract=to_checksum_address(value["address"]),
        mint_key=mint_key,
        to=to_checksum_address(data(to_topic)[-20:]),
        amount_wei=amount_wei,
        tx_hash=hash32(value["transactionHash"]),
        log_index=quantity(value["logIndex"]),
        block_number=quantity(value["blockNumber"]),
        block_hash=hash32(value["blockHash"]),
    )


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"unexpected value {str(value)[:80]!r}")
    return value
