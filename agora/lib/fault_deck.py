"""Faults for the vendors' sandboxes, dealt to calls by a seed: first every card once, then by chance.

Knows no app and no Django: the sandboxes are processes of their own.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

EAGERNESS = 0.5  # of a step's calls while it has cards left: some pass, or a row would meet them all
SLOW = 0.25  # how often a fault that costs the caller a time-out is drawn, beside the others


class Deck:
    """`cells`: step → the faults that can befall it. `obey` takes the settings, `deal` a fault for a call or ""."""

    def __init__(self, cells: Mapping[str, Sequence[str]], *, slow: frozenset[str] = frozenset()) -> None:
        self._cells, self._slow = cells, slow
        self._obeyed: Mapping[str, Any] | None = None
        self._rate = 0.0
        self._random = random.Random(0)  # noqa: S311 - dice, and they must fall alike for one seed
        self._hands: dict[str, list[str]] = {}

    def obey(self, settings: Mapping[str, Any] | None) -> None:
        """`{"seed": 7, "rate": 0.2}`; None or a rate of 0: no faults. The same settings again change nothing."""
        if settings == self._obeyed:
            return
        seed_before = (self._obeyed or {}).get("seed")
        self._obeyed = settings
        self._rate = float((settings or {}).get("rate", 0))
        seed = (settings or {}).get("seed", seed_before)
        if seed != seed_before or not self._hands:
            self._shuffle(seed)

    def deal(self, step: str) -> str:
        if not self._rate or step not in self._cells:
            return ""
        hand = self._hands[step]
        if hand:
            return hand.pop() if self._random.random() < max(EAGERNESS, self._rate) else ""
        if self._random.random() >= self._rate:
            return ""
        faults = self._cells[step]
        weights = [SLOW if fault in self._slow else 1.0 for fault in faults]
        return self._random.choices(faults, weights)[0]

    def _shuffle(self, seed: Any) -> None:
        self._random = random.Random(str(seed))  # noqa: S311
        self._hands = {step: self._random.sample(list(faults), len(faults)) for step, faults in self._cells.items()}
