"""What goes wrong by chance at the custodian, by the setting `faults`: {"seed": 7, "rate": 0.2, "hang": 6}.

Each fault that befell a step is in the log, kind `fault`. `rate`: the share of calls; `hang`: seconds that a time-out
keeps the caller. The words are those of orders/sandbox/faults.py. A webhook is told twice (`duplicate`), never
(`swallow`), or three seconds late, after those that follow it (`late`).
"""

from __future__ import annotations

from typing import Any

from agora.lib.fault_deck import Deck

_EFFECT = ("429", "500", "timeout_before", "timeout_after", "cut_after", "malformed", "late", "repeated")
CELLS = {
    "transfer": _EFFECT,
    "transfer_lookup": ("429", "500", "timeout_before", "malformed", "not_found"),
    "sign": _EFFECT,
    "sign_poll": ("429", "500", "malformed"),
    "webhook": ("swallow", "duplicate", "late"),
}
SLOW = frozenset({"timeout_before", "timeout_after", "late"})
HANG = 6.0  # seconds: a caller waits five
LATE = 3.0  # seconds, of a webhook

_AS_HTTP: dict[str, dict[str, Any]] = {
    "429": {"fault": "status", "status": 429, "retry_after": 1},
    "500": {"fault": "status", "status": 500},
    "timeout_before": {"fault": "timeout"},
    "timeout_after": {"fault": "timeout", "when": "after"},
    "cut_after": {"fault": "drop", "when": "after"},
    "malformed": {"fault": "malformed", "when": "after"},
    "late": {"fault": "late"},
    "repeated": {"fault": "repeated"},
    "not_found": {"fault": "not_found"},
}


class Faults:
    def __init__(self) -> None:
        self._deck = Deck(CELLS, slow=SLOW)

    def deal(self, settings: dict[str, Any] | None, step: str) -> str:
        self._deck.obey(settings)
        return self._deck.deal(step)


def step_of(facts: dict[str, str]) -> str:
    """By scenarios.request_facts; "" for what is never faulted."""
    endpoint, external_tx_id = facts["endpoint"], facts["external_tx_id"]
    if endpoint == "POST /v1/transactions":
        return "sign" if facts["operation"] == "RAW" else "transfer"
    if "/external_tx_id/" in endpoint:
        return "transfer_lookup" if external_tx_id.startswith("agora-custody-") else ""
    return "sign_poll" if endpoint.startswith("GET /v1/transactions/") else ""


def as_http(fault: str, settings: dict[str, Any]) -> dict[str, Any]:
    """As a scenario's `http`."""
    return {**_AS_HTTP[fault], "seconds": float(settings.get("hang", HANG))}
