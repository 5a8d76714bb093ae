"""What goes wrong by chance at the broker, by the setting `faults`: {"seed": 7, "rate": 0.2, "hang": 6, "lives": true}.

Each fault that befell a step is in the log, kind `fault`. `rate`: the share of calls; `hang`: seconds that a time-out
keeps the caller; `lives`: orders fill in pieces, late, in part, or not at all, by the same dice.

    429, 500          refused, nothing happened
    timeout_before    no answer, nothing happened            cut_after         the connection ends after the effect
    timeout_after     no answer after the effect             late              the effect comes after the caller gave up
    malformed         half an answer, after the effect       repeated          arrives twice; the second one's answer
    not_found         a look-up that does not find what is there, yet
On the stream:  swallow, duplicate, reorder, late (two seconds), cut (every connection ends)
"""

from __future__ import annotations

import random
from typing import Any

from agora.lib.fault_deck import Deck
from orders.sandbox.settings import Settings
from orders.sandbox.store import Store

CELLS = {
    "submit": (*("429", "500", "timeout_before", "timeout_after", "cut_after", "malformed", "late", "repeated"),),
    "lookup": ("429", "500", "timeout_before", "malformed", "not_found"),
    "list": ("429", "500", "malformed"),
    "executions": ("429", "500", "malformed"),
    "cancel": ("429", "500", "cut_after"),
    "stream": ("swallow", "duplicate", "reorder", "late", "cut"),
}
STEPS = {
    "POST /v2/orders": "submit",
    "GET /v2/orders:by_client_order_id": "lookup",
    "GET /v2/orders": "list",
    "GET /v2/account/activities/{activity_type}": "executions",
    "DELETE /v2/orders/{order_id}": "cancel",
}
SLOW = frozenset({"timeout_before", "timeout_after", "late"})
HANG = 6.0  # seconds: a caller waits five


class Faults:
    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._deck = Deck(CELLS, slow=SLOW)
        self._lives = random.Random()
        self._lives_seed: Any = None

    def for_request(self, endpoint: str, **facts: Any) -> list[dict[str, Any]]:
        """The steps of an answer (scenarios.py) that a request is to meet."""
        fault = self._deal(STEPS.get(endpoint, ""), **facts)
        return _steps(fault, float((self._settings["faults"] or {}).get("hang", HANG))) if fault else []

    def for_stream(self, **facts: Any) -> str:
        return self._deal("stream", **facts)

    def life(self) -> list[dict[str, Any]]:
        """How an order goes on, [] for as usual."""
        wanted = self._settings["faults"] or {}
        if not wanted.get("lives") or not wanted.get("rate"):
            return []
        if wanted.get("seed") != self._lives_seed:
            self._lives_seed = wanted.get("seed")
            self._lives = random.Random(f"lives {self._lives_seed}")
        soon = round(self._lives.uniform(0.05, 4.0), 2)
        half = {"do": "fill", "part": "0.5", "after": soon}
        endings: list[tuple[int, list[dict[str, Any]]]] = [
            (60, [{"do": "fill", "after": soon}]),
            (20, [half, {"do": "fill", "after": soon}]),
            (8, [half, {"do": "cancel", "after": soon}]),
            (4, [half, {"do": "cancel", "after": 0.2}, {"do": "fill", "part": "0.25", "after": soon}]),  # they cross
            (4, [half, {"do": "expire", "after": soon}]),
            (4, [{"do": "reject_order", "reason": "rejected by the exchange", "after": soon}]),
        ]
        return self._lives.choices([life for _, life in endings], [weight for weight, _ in endings])[0]

    def _deal(self, step: str, **facts: Any) -> str:
        self._deck.obey(self._settings["faults"])
        fault = self._deck.deal(step)
        if fault:
            self._store.log("fault", step=step, fault=fault, **facts)
        return fault


def _steps(fault: str, hang: float) -> list[dict[str, Any]]:
    match fault:
        case "429":
            return [{"do": "fail", "status": 429, "message": "rate limit exceeded", "headers": {"Retry-After": "1"}}]
        case "500":
            return [{"do": "fail", "status": 500}]
        case "timeout_before":
            return [{"do": "sleep", "seconds": hang}, {"do": "drop", "when": "before"}]
        case "timeout_after":
            return [{"do": "sleep", "seconds": hang, "when": "after"}]
        case "late":
            return [{"do": "sleep", "seconds": hang}]
        case "cut_after":
            return [{"do": "drop"}]
        case "malformed":
            return [{"do": "garble"}]
        case "repeated":
            return [{"do": "repeat"}]
        case "not_found":
            return [{"do": "fail", "status": 404, "code": 40410000, "message": "order not found"}]
    raise ValueError(fault)
