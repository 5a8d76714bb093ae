"""A node that is N blocks behind: what it would have answered then, asked of one that is not.

`past` rewrites a question so that nothing above the limit can come into the answer, or says that there is none;
`veil` takes out of the answer what the question could not.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Json = Any
AT = {  # the place of the block among a method's parameters
    "eth_getBlockByNumber": 0,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
    "eth_call": 1,
}
HEADS = ("latest", "pending")


class Past(NamedTuple):
    params: list[Json]
    answer: Json = None
    is_answered: bool = False  # without asking the node


def past(method: str, params: list[Json], limit: int) -> Past:
    if method == "eth_blockNumber":
        return Past(params, hex(limit), is_answered=True)
    if method == "eth_getLogs":
        return _logs(params, limit)
    place = AT.get(method)
    if place is None or len(params) <= place or not isinstance(params[place], str):
        return Past(params)
    at = params[place]
    if at in HEADS:
        return Past([*params[:place], hex(limit), *params[place + 1 :]])
    if at.startswith("0x") and int(at, 16) > limit and method == "eth_getBlockByNumber":
        return Past(params, None, is_answered=True)
    return Past(params)


def veil(method: str, result: Json, limit: int) -> Json:
    """None in the place of a block, receipt or transaction that this node cannot have seen yet."""
    if not isinstance(result, dict):
        return result
    number = result.get("number" if method.startswith("eth_getBlockBy") else "blockNumber")
    if isinstance(number, str) and int(number, 16) > limit:
        return None
    return result


def _logs(params: list[Json], limit: int) -> Past:
    wanted = dict(params[0])
    first, last = wanted.get("fromBlock", hex(limit)), wanted.get("toBlock", hex(limit))
    if _number(first, limit) > limit:
        return Past(params, [], is_answered=True)
    wanted["fromBlock"], wanted["toBlock"] = hex(_number(first, limit)), hex(min(_number(last, limit), limit))
    return Past([wanted])


def _number(block: str, limit: int) -> int:
    return int(block, 16) if block.startswith("0x") else {"earliest": 0}.get(block, limit)
