"""One node of three that is not to be believed: it lags, or tells of a chain that is not, a while each."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from minting.sandbox.process import Control

CHARACTERS: dict[str, dict[str, Any]] = {
    "lag": {"lag": 3},
    "block_hash": {"lies": ["block_hash"], "lie_options": {"block_hash": {"from": 40}}},
    "no_logs": {"lies": ["no_logs"]},
    "no_receipt": {"lies": ["no_receipt"]},
    "nonce": {"lies": ["nonce"]},
    "drop_broadcast": {"lies": ["drop_broadcast"]},
    "down": {"down": True},
}


@dataclass
class OddNode:
    control: Control
    dice: random.Random
    every: float  # seconds a character
    turns: Counter[str] = field(default_factory=Counter)
    _next: float = 0.0
    _to_come: list[str] = field(default_factory=list)

    def turn(self) -> None:
        now = time.time()
        if now < self._next:
            return
        self._next = now + self.every
        if not self._to_come:
            names = [name for name in CHARACTERS if name != "lag"]
            # Behind first: once it is caught lying it is asked no more for a while.
            self._to_come = [*self.dice.sample(names, len(names)), "lag"]
        name = self._to_come.pop()
        self.control.reset()
        self.control.settings(**CHARACTERS[name])
        self.turns[name] += 1

    def lies(self) -> Counter[str]:
        """What it said that was not so, by its own log."""
        return Counter(entry["lie"] for entry in self.control.log(kind="lie"))
