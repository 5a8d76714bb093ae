"""What to do otherwise than by default, by script.

A scenario is `{"match": {…}, "times": N or null, "steps": [{"do": …}, …]}`. The oldest one that matches a request and
has times left is used. `match` may name `client_order_id`, `symbol`, `qty` and `endpoint` (default "POST /v2/orders";
others: "GET /v2/orders", "GET /v2/orders:by_client_order_id", "DELETE /v2/orders/{order_id}", "GET /v2/clock" …).

Steps of the answer, on any endpoint; `when` is "before" or "after" the effect:
    reject  status=422, code, message      refused before anything happens
    fail    status=500, code, message, headers, when="before"
    sleep   seconds, when="before"         "before" alone: the effect comes late, after the caller gave up
    drop    when="after"                   the connection is cut instead of an answer
    garble                                 the answer's JSON is cut in half
    alter   set={…}                        fields of the answer are replaced
    repeat                                 the request arrives a second time; that one's answer is given
Steps of the order's life, on POST /v2/orders, in turn, each after `after` seconds (instead of the default fill):
    fill    qty=all that is left, price    also after an end: a late fill
    hold                                   nothing more until driven by hand
    wait_cancel                            goes on when a cancel is asked for (which then is `pending_cancel` only)
    cancel | expire | reject_order reason
    bust                                   takes back the order's latest execution
    correct qty, price                     replaces the order's latest execution
    status  status, event                  any status, also one that does not exist
    say     event, fields={…}              any event, also one that does not exist
Step of the stream, on POST /v2/orders: stream  fault="swallow" | "duplicate" | "reorder"  for all the order's events.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from orders.sandbox.store import Store

SUBMIT = "POST /v2/orders"
ANSWER_STEPS = frozenset({"reject", "fail", "sleep", "drop", "garble", "alter", "repeat"})
LIFE_STEPS = frozenset(
    {"fill", "hold", "wait_cancel", "cancel", "expire", "reject_order", "bust", "correct", "status", "say"}
)
STREAM_FAULTS = frozenset({"swallow", "duplicate", "reorder"})
MATCHED = frozenset({"endpoint", "client_order_id", "symbol", "qty"})
BY_DEFAULT = ({"do": "fill"},)
MAGIC: dict[int, list[dict[str, Any]]] = {
    403: [{"do": "reject", "status": 403, "code": 40310000, "message": "insufficient buying power"}],
    422: [{"do": "reject", "status": 422, "code": 42210000, "message": "asset is not fractionable"}],
    504: [{"do": "sleep", "seconds": 8, "when": "after"}],
    499: [{"do": "reject_order", "reason": "rejected by the exchange", "after": 0.2}],
    200: [{"do": "fill", "part": "0.5"}, {"do": "fill", "after": 1}],
    206: [{"do": "fill", "part": "0.5"}, {"do": "cancel", "after": 0.5}],
    208: [{"do": "fill", "part": "0.5"}, {"do": "expire", "after": 0.5}],
    102: [{"do": "hold"}],
}


@dataclass
class Plan:
    """What one request is to meet."""

    answer: list[dict[str, Any]] = field(default_factory=list)
    script: list[dict[str, Any]] = field(default_factory=lambda: [dict(step) for step in BY_DEFAULT])
    stream_fault: str = ""
    is_default: bool = True  # of the order's life: no script was given

    def at(self, when: str) -> list[dict[str, Any]]:
        return [step for step in self.answer if _when(step) == when]


def add(store: Store, scenario: dict[str, Any]) -> int:
    """Keep a scenario. ValueError where it has no meaning."""
    match, times, steps = scenario.get("match", {}), scenario.get("times", 1), scenario.get("steps")
    if not isinstance(match, dict) or match.keys() - MATCHED:
        raise ValueError(f"match may name {', '.join(sorted(MATCHED))}")
    if times is not None and not isinstance(times, int):
        raise ValueError("times is a number or null")
    if not isinstance(steps, list) or not steps:
        raise ValueError("steps is a list of at least one step")
    for step in steps:
        _check(step)
    with store.transaction():
        return store.write(
            "INSERT INTO scenarios (match, times, steps) VALUES (?, ?, ?)", json.dumps(match), times, json.dumps(steps)
        )


def plan_for(store: Store, *, endpoint: str, facts: dict[str, Any], magic: bool) -> Plan:
    """The plan of the first scenario that matches (whose times are then one fewer), else of a magic quantity."""
    for row in store.query("SELECT seq, match, times, steps FROM scenarios WHERE times IS NULL OR times > 0"):
        if _matches(json.loads(row["match"]), endpoint, facts):
            with store.transaction():
                store.write("UPDATE scenarios SET times = times - 1 WHERE seq = ?", row["seq"])
            return _plan(json.loads(row["steps"]))
    qty = facts.get("qty")
    if magic and endpoint == SUBMIT and isinstance(qty, Decimal) and qty.is_finite():
        return _plan(MAGIC.get(int(qty * 10**9) % 10**6, []))
    return Plan()


def _plan(steps: list[dict[str, Any]]) -> Plan:
    plan = Plan(answer=[step for step in steps if step["do"] in ANSWER_STEPS])
    if script := [step for step in steps if step["do"] in LIFE_STEPS]:
        plan.script, plan.is_default = script, False
    plan.stream_fault = next((step["fault"] for step in steps if step["do"] == "stream"), "")
    return plan


def _matches(match: dict[str, Any], endpoint: str, facts: dict[str, Any]) -> bool:
    if match.get("endpoint", SUBMIT) != endpoint:
        return False
    if "qty" in match and facts.get("qty") != Decimal(str(match["qty"])):
        return False
    return all(match[name] == facts.get(name) for name in ("client_order_id", "symbol") if name in match)


def _when(step: dict[str, Any]) -> str:
    late = step["do"] in ("drop", "garble", "alter", "repeat")
    return str(step.get("when", "after" if late else "before"))


def _check(step: Any) -> None:
    if not isinstance(step, dict):
        raise ValueError(f"a step is an object, not {step!r}")
    do = step.get("do")
    if do == "stream":
        if step.get("fault") not in STREAM_FAULTS:
            raise ValueError(f"a stream's fault is one of {', '.join(sorted(STREAM_FAULTS))}")
    elif do not in ANSWER_STEPS | LIFE_STEPS:
        raise ValueError(f"no such step: {do!r}; there are {', '.join(sorted(ANSWER_STEPS | LIFE_STEPS))} and stream")
    if step.get("when", "before") not in ("before", "after"):
        raise ValueError("when is before or after")
