"""Blocks that vanish: depth 1 to 20, with the transactions in them gone, or in another block than before."""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import requests

DEEPEST = 20
KINDS = ("depth 1-4", "depth 5-12", "depth 13-20", "removes transactions", "moves transactions")
MOVED = 0.5  # how often transactions come back in another block; otherwise all of them are gone


class ChainError(Exception):
    """What the node answered."""


def rpc(url: str, method: str, *params: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    answer = requests.post(url, json=body, timeout=15).json()
    if "error" in answer:
        raise ChainError(f"{method}: {answer['error']}")
    return answer["result"]


@dataclass
class Reorg:
    at: float  # Unix time when it was done
    depth: int
    removed: int  # transactions
    moved: int
    number: int  # of the first new block …
    hash: str
    seen_at: float | None = None  # … and when our database had it


@dataclass
class Reorgs:
    url: str
    dice: random.Random
    every: tuple[float, float]
    floor: int = 0  # no block up to this one leaves the chain: the tokens' creation stands
    done: list[Reorg] = field(default_factory=list)
    refused: int = 0
    undone: set[str] = field(default_factory=set)  # transactions whose revert a reorg took away
    fired: Counter[str] = field(default_factory=Counter)
    _next: float = 0.0

    def turn(self) -> None:
        now = time.time()
        self._next = self._next or now + self.dice.uniform(*self.every)
        if now >= self._next:
            self._next = now + self.dice.uniform(*self.every)
            self._reorganise()

    def _reorganise(self) -> None:
        head = int(rpc(self.url, "eth_blockNumber"), 16)
        # Shallow ones are the many, as on real chains; each depth comes up.
        depth = self.dice.choice((self.dice.randint(1, 4), self.dice.randint(1, DEEPEST)))
        depth = min(depth, head - self.floor)
        if depth < 1:
            return
        first = head - depth + 1
        by_sender = self._transactions(first, head)
        total = sum(map(len, by_sender.values()))
        pairs = self._moved(by_sender, depth) if self.dice.random() < MOVED else []
        try:
            rpc(self.url, "anvil_reorg", depth, pairs)
        except ChainError:  # a transaction that would not run where it was put: then all of them are gone
            self.refused += 1
            pairs = []
            rpc(self.url, "anvil_reorg", depth, [])
        block = rpc(self.url, "eth_getBlockByNumber", hex(first), False)
        made = Reorg(time.time(), depth, total - len(pairs), len(pairs), first, block["hash"])
        self.done.append(made)
        self.fired[KINDS[0] if depth <= 4 else KINDS[1] if depth <= 12 else KINDS[2]] += 1
        self.fired[KINDS[3]] += made.removed > 0
        self.fired[KINDS[4]] += made.moved > 0

    def _transactions(self, first: int, last: int) -> dict[str, list[dict[str, Any]]]:
        """By sender, in the order of their nonces."""
        found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for number in range(first, last + 1):
            block = rpc(self.url, "eth_getBlockByNumber", hex(number), True)
            for transaction in block["transactions"]:
                receipt = rpc(self.url, "eth_getTransactionReceipt", transaction["hash"])
                if receipt and not int(receipt["status"], 16):
                    self.undone.add(transaction["hash"])
                found[transaction["from"]].append(transaction)
        return found

    def _moved(self, by_sender: dict[str, list[dict[str, Any]]], depth: int) -> list[list[Any]]:
        """[raw, place] of those that come back: of each sender the first few, in order, in later blocks or earlier."""
        pairs: list[list[Any]] = []
        for transactions in by_sender.values():
            place = 0
            for transaction in transactions[: self.dice.randint(0, len(transactions))]:
                place = self.dice.randint(place, depth - 1)
                pairs.append([rpc(self.url, "eth_getRawTransactionByHash", transaction["hash"]), place])
        return sorted(pairs, key=lambda pair: pair[1])
