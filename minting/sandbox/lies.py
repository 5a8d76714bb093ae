"""What a node can say that is not so. Each lie bends the answer of the methods it is about, and leaves the rest alone.

    block_hash      another chain, linked in itself: every block from number `from` (default 1) on has a false hash, in
                    headers, receipts, logs and transactions alike; with another `salt`, yet another chain
    broken_parent   parents that no block has
    receipt         a receipt for a transaction that is in no block (`status`: "0x1", the default, or "0x0", a revert);
                    with `flip` also the status of real ones is turned round
    no_receipt      no transaction has a receipt, or is known
    no_logs         no event ever happened
    minted          a Minted event that nobody emitted, in the last block asked for; `mint_key`, `to`, `amount_wei`,
                    `tx_hash` say which, and are made up otherwise
    chain_id        another chain's id (`id`, default 1)
    nonce           a transaction count that is `by` (default 3) too high
    key_used        usedBrokerTrade says yes
    code            other code at every address
    balance         nobody has any gas left
    finalized       the latest block is final
    not_final       no block is final yet (on the local chain a block is after eight, so a deep reorg would go below it)
    garbage         numbers that are none, hashes cut short

On `eth_sendRawTransaction`, which is not passed on then:

    drop_broadcast  the hash is answered and the transaction forgotten
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eth_abi import encode
from eth_utils import keccak

Json = Any
USED_BROKER_TRADE = "0x" + keccak(text="usedBrokerTrade(bytes32)")[:4].hex()
MINTED = "0x" + keccak(text="Minted(bytes32,address,uint256,string)").hex()
ZERO_HASH = "0x" + "00" * 32
BLOCKS = ("eth_getBlockByNumber", "eth_getBlockByHash")
_Bend = Callable[[str, list[Json], Json, dict[str, Json]], Json]


def bend(kind: str, method: str, params: list[Json], result: Json, options: dict[str, Json]) -> Json:
    """The false answer; the true one where this lie has nothing to say about the method."""
    return _BENDS[kind](method, params, result, options)


def swallows(kind: str, method: str) -> bool:
    return kind == "drop_broadcast" and method == "eth_sendRawTransaction"


def transaction_hash(raw: str) -> str:
    return "0x" + keccak(bytes.fromhex(raw[2:])).hex()


def forged(real_hash: str, salt: str = "forged") -> str:
    """The same block's hash on the other chain, always the same."""
    return "0x" + keccak(text=f"{salt} {real_hash.lower()}").hex()


def _block_hash(method: str, params: list[Json], result: Json, options: dict[str, Json]) -> Json:
    first, salt = int(options.get("from", 1)), str(options.get("salt", "forged"))
    if method in BLOCKS and result:
        number = int(result["number"], 16)
        result = dict(result)
        if number >= first and result["hash"]:
            result["hash"] = forged(result["hash"], salt)
        if number - 1 >= first:
            result["parentHash"] = forged(result["parentHash"], salt)
        return result
    if method == "eth_getLogs":
        return [_moved(entry, first, salt) for entry in result]
    if method == "eth_getTransactionReceipt" and result:
        return {**_moved(result, first, salt), "logs": [_moved(entry, first, salt) for entry in result.get("logs", [])]}
    if method == "eth_getTransactionByHash" and result:
        return _moved(result, first, salt)
    return result


def _moved(entry: dict[str, Json], first: int, salt: str) -> dict[str, Json]:
    if entry.get("blockNumber") is None or int(entry["blockNumber"], 16) < first:
        return entry
    return {**entry, "blockHash": forged(entry["blockHash"], salt)}


def _broken_parent(method: str, params: list[Json], result: Json, options: dict[str, Json]) -> Json:
    if method in BLOCKS and result:
        return {**result, "parentHash": forged(result["parentHash"])}
    return result


def _receipt(method: str, params: list[Json], result: Json, options: dict[str, Json]) -> Json:
    status = options.get("status", "0x1")
    if method == "eth_getTransactionReceipt" and result is None:
        return {
            "transactionHash": params[0],
            "transactionIndex": "0x0",
            "blockNumber": "0x1",
            "blockHash": forged(params[0]),
            "status": status,
            "gasUsed": "0x5208",
            "cumulativeGasUsed": "0x5208",
            "effectiveGasPrice": "0x1",
            "logs": [],
        }
    if method == "eth_getTransactionReceipt" and options.get("flip"):
        return {**result, "status": "0x0" if result["status"] == "0x1" else "0x1"}
    return result


def _no_receipt(method: str, params: list[Json], result: Json, options: dict[str, Json]) -> Json:
    return None if method in ("eth_getTransactionReceipt", "eth_getTransactionByHash") else result


def _no_logs(method: str, params: list[Json], result: Json, options: dict[str, Json]) -> Json:
    return [] if method == "eth_getLogs" else result


def _minted(method: str, params: list[Json], result: Json, options: dict[str, Json]) -> Json:
    topics = params[0].get("topics") if method == "eth_getLogs" else None
    if not topics or options.get("topic", MINTED) not in topics[:1]:
        return result
    addresses = params[0].get("address", [])
    contract = options.get("contract") or (addresses if isinstance(addresses, str) else (addresses or [None])[0])
    if contract is None or not options.get("block_hash"):
        return result
    mint_key, to = str(options.get("mint_key", "invented")), str(options.get("to", "0x" + "11" * 20))
    entry = {
        "address": contract,
        "topics": [topics[0], "0x" + keccak(text=mint_key).hex(), "0x" + to[2:].lower().rjust(64, "0")],
        "data": "0x" + encode(["uint256", "string"], [int(options.get("amount_wei", 10**18)), mint_key]).hex(),
        "blockNumber": options["block_number"],
        "blockHash": options["block_hash"],
        "transactionHash": options.get("tx_hash") or "0x" + keccak(text="tx " + mint_key).hex(),
        "transactionIndex": "0x0",
        "logIndex": "0x7f",
        "removed": False,
    }
    return [*result, entry]


def _chain_id(method: str, params: list[Json], result: Json, options: dict[str, Json]) -> Json:
    return hex(int(options.get("id", 1))) if method == "eth_chainId" else result


def _nonce(method: str, params: list[Json], result: Json, options: dict[str, Json]) -> Json:
    if method != "eth_getTransactionCount":
        return result
    return hex(int(result, 16) + int(options.get("by", 3)))


def _key_used(method: str, params: list[Json], result: Json, options: dict[str, Json]) -> Json:
    asked = method == "eth_call" and str(params[0].get("data") or params[0].get("input")).startswith(USED_BROKER_TRADE)
    return "0x" + "1".rjust(64, "0") if asked else result


def _code(method: str, params: list[Json], result: Json, options: dict[str, Json]) -> Json:
    return "0xfe" if method == "eth_getCode" else result


def _balance(method: str, params: list[Json], result: Json, options: dict[str, Json]) -> Json:
    return "0x0" if method == "eth_getBalance" else result


def _garbage(method: str, params: list[Json], result: Json, options: dict[str, Json]) -> Json:
    if isinstance(result, dict):
        return {**result, "number": "0xnone", "blockNumber": "twelve", "hash": "0x12"}
    return [{"blockNumber": "twelve"}] if isinstance(result, list) else "0xnone"


def _not_final(method: str, params: list[Json], result: Json, options: dict[str, Json]) -> Json:
    return None if method == "eth_getBlockByNumber" and params[0] == "finalized" else result


def _unbent(method: str, params: list[Json], result: Json, options: dict[str, Json]) -> Json:
    return result


_BENDS: dict[str, _Bend] = {
    "block_hash": _block_hash,
    "broken_parent": _broken_parent,
    "receipt": _receipt,
    "no_receipt": _no_receipt,
    "no_logs": _no_logs,
    "minted": _minted,
    "chain_id": _chain_id,
    "nonce": _nonce,
    "key_used": _key_used,
    "code": _code,
    "balance": _balance,
    "finalized": _unbent,  # asked of the node differently, in lagging.py
    "not_final": _not_final,
    "garbage": _garbage,
    "drop_broadcast": _unbent,
}
KINDS = frozenset(_BENDS)
