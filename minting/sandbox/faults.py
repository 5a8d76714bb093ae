"""What goes wrong, on order or by chance. Changed by POST /_sandbox/settings and /_sandbox/scenario (app.py).

Settings, which stand until they are changed:

    lag             blocks behind the node (0)
    lies            the kinds (lies.py) that are told at every chance, e.g. ["no_receipt"]; options under `lie_options`
    lie_options     {"minted": {"mint_key": "…"}, …}
    lie_rate        the share of answers that are bent, by seed (1.0)
    rate            the share of HTTP requests that are faulted, by seed (0.0)
    mix             which faults then, by weight; the keys of HTTP_FAULTS
    timeout_seconds how long a time-out keeps a client waiting (30.0)
    down            every connection is closed at once (false)

A scenario applies to the requests that it matches, oldest first, `times` times (default 1, null: always):

    {"match": {"method": "eth_sendRawTransaction"}, "times": 2, "http": "timeout_after"}
    {"match": {"method": "eth_getTransactionReceipt"}, "lie": "receipt", "options": {"status": "0x0"}}

`http` is one of HTTP_FAULTS and takes the whole HTTP request, if any call in it matches; `lie` one of lies.KINDS.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from minting.sandbox import lies

# before: the node never sees the request; after: it acted, and nobody hears of it.
HTTP_FAULTS = {
    "429": "HTTP 429 with Retry-After",
    "503": "HTTP 503",
    "502_after": "HTTP 502 after the effect",
    "rpc_limit": "a JSON-RPC error -32005, limit exceeded, for each call",
    "timeout_before": "no answer, no effect",
    "timeout_after": "no answer after the effect",
    "reset_before": "the connection is closed, no effect",
    "reset_after": "the connection is closed after the effect",
    "malformed": "half a JSON body, after the effect",
    "empty": "HTTP 200 and no body, after the effect",
}
EVENLY = dict.fromkeys(("429", "503", "502_after", "timeout_before", "timeout_after", "malformed"), 1.0)
DEFAULTS: dict[str, Any] = {
    "lag": 0,
    "lies": [],
    "lie_options": {},
    "lie_rate": 1.0,
    "rate": 0.0,
    "mix": EVENLY,
    "timeout_seconds": 30.0,
    "down": False,
}


class Faults:
    """Settings and scripts, in a file of their own, and the dice. One thread."""

    def __init__(self, path: Path, *, seed: int) -> None:
        self._path = path
        self._dice = random.Random(seed)  # seeded: chance that can be had again
        kept = json.loads(path.read_text()) if path.exists() else {}
        self.settings: dict[str, Any] = {**DEFAULTS, **kept.get("settings", {})}
        self._scenarios: list[dict[str, Any]] = kept.get("scenarios", [])
        self._next_id = max((entry["id"] for entry in self._scenarios), default=0) + 1

    def change(self, changes: dict[str, Any]) -> None:
        """Raises ValueError on what is none of the settings."""
        if unknown := changes.keys() - DEFAULTS.keys():
            raise ValueError(f"no such setting: {sorted(unknown)}")
        if unknown := {*changes.get("lies", [])} - lies.KINDS:
            raise ValueError(f"no such lie: {sorted(unknown)}")
        if unknown := changes.get("mix", {}).keys() - HTTP_FAULTS.keys():
            raise ValueError(f"no such fault: {sorted(unknown)}")
        self.settings |= changes
        self._save()

    def add(self, scenario: dict[str, Any]) -> int:
        unknown = scenario.keys() - {"match", "times", "http", "lie", "options"}
        unknown |= scenario.get("match", {}).keys() - {"method"}
        if unknown or ("http" in scenario) == ("lie" in scenario):
            raise ValueError(f"not a scenario: unknown {sorted(unknown)}, or not exactly one of http and lie")
        if scenario.get("http", "429") not in HTTP_FAULTS or scenario.get("lie", "minted") not in lies.KINDS:
            raise ValueError("no such fault or lie")
        number, self._next_id = self._next_id, self._next_id + 1
        self._scenarios.append({"times": 1, **scenario, "id": number})
        self._save()
        return number

    def reset(self) -> None:
        self.settings, self._scenarios = dict(DEFAULTS), []
        self._save()

    def for_request(self, methods: list[str]) -> str | None:
        """The fault that this HTTP request meets, a script's before chance's."""
        claimed = self._claim("http", methods)
        if claimed:
            return str(claimed["http"])
        if self.settings["rate"] and self._dice.random() < self.settings["rate"]:
            kinds, weights = zip(*sorted(self.settings["mix"].items()), strict=True)
            return str(self._dice.choices(kinds, weights)[0])
        return None

    def for_call(self, method: str) -> list[tuple[str, dict[str, Any]]]:
        """The lies that may be told about this call, with their options."""
        told: list[tuple[str, dict[str, Any]]] = []
        if claimed := self._claim("lie", [method]):
            told.append((claimed["lie"], claimed.get("options", {})))
        if self.settings["lies"] and (
            self.settings["lie_rate"] >= 1 or self._dice.random() < self.settings["lie_rate"]
        ):
            told += [(kind, self.settings["lie_options"].get(kind, {})) for kind in self.settings["lies"]]
        return told

    def _claim(self, effect: str, methods: list[str]) -> dict[str, Any] | None:
        for scenario in self._scenarios:
            if effect not in scenario or scenario["times"] == 0:
                continue
            wanted = scenario.get("match", {}).get("method")
            if wanted is not None and wanted not in methods:
                continue
            if scenario["times"] is not None:
                scenario["times"] -= 1
                self._save()
            return scenario
        return None

    def _save(self) -> None:
        live = [entry for entry in self._scenarios if entry["times"] != 0]
        draft = self._path.with_suffix(".part")
        draft.write_text(json.dumps({"settings": self.settings, "scenarios": live}))
        draft.replace(self._path)
