"""deploy/observability's rules, and the same ones for a drill: what takes minutes in life takes seconds there."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import yaml
from django.conf import settings

HOME = settings.BASE_DIR / "deploy" / "observability"
RULES = HOME / "prometheus" / "alerts.yml"

RANGE, FOR = "30s", "1s"  # of the drill: rates need two scrapes within
# Thresholds that would take too long to cross, and what they are in the drill. All others are as they are in life.
LOWERED = {
    "AgoraLoopInTrouble": ("> 5", "> 2"),
    "AgoraQueueLate": ("> 30", "> 8"),
    "AgoraLockWait": ("> 30", "> 4"),
    "AgoraPriceOld": ("> 60", "> 25"),
    "AgoraCustodySlow": ("> 900", "> 8"),
    "AgoraWebhooksLate": ("> 300", "> 8"),
    "AgoraOrderUnfinished": ("> 1800", "> 8"),
    "AgoraAuditLogUnsealed": ("> 120", "> 20"),
    "AgoraChainStands": ("> 60", "> 20"),
    "AgoraMintSlow": ("> 300", "> 8"),
    "AgoraBudgetUnknown": ("> 600", "> 20"),
    "AgoraReservesNotCompared": ("> 3600", "> 90"),
    "AgoraAttestationEnding": ("< 600", "< 12"),
}


def load() -> dict[str, Any]:
    return dict(yaml.safe_load(RULES.read_text()))


def alerts(rules: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]


def for_a_drill() -> dict[str, Any]:
    """Shorter waits, shorter ranges, and the lowered thresholds; nothing else differs."""
    rules = copy.deepcopy(load())
    for rule in alerts(rules):
        rule["expr"] = re.sub(r"\[\d+m\]", f"[{RANGE}]", rule["expr"])
        if "for" in rule:
            rule["for"] = FOR
        if rule["alert"] in LOWERED:
            before, after = LOWERED[rule["alert"]]
            assert rule["expr"].count(before) == 1, rule
            rule["expr"] = rule["expr"].replace(before, after)
    return rules


def metrics_in(expression: str) -> set[str]:
    """The names of metrics in an expression: ours, and those that Prometheus and the node exporter make."""
    return set(re.findall(r"\b(?:agora_[a-z0-9_]+|node_[a-zA-Z0-9_]+|up)\b", expression))


def dashboards() -> dict[str, Any]:
    return {
        path.stem: json.loads(path.read_text()) for path in sorted((HOME / "grafana" / "dashboards").glob("*.json"))
    }


def expressions_in(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
