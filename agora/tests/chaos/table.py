"""Each fault × step, how often it fired, and whether it did at all."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from agora.tests.chaos.installation import Installation
from custody.sandbox.faults import CELLS as AT_CUSTODIAN
from orders.sandbox.faults import CELLS as AT_BROKER

# What a node's answer may be about, by the method that tells.
NODE_STEPS = {
    "head": "eth_getBlockByNumber",
    "logs": "eth_getLogs",
    "receipts": "eth_getTransactionReceipt",
    "simulate": "eth_estimateGas",
    "nonce": "eth_getTransactionCount",
    "send": "eth_sendRawTransaction",
}
READS = ("429", "503", "502_after", "timeout_before", "malformed")
AT_NODE = dict.fromkeys(NODE_STEPS, READS) | {"send": (*READS, "timeout_after", "reset_after")}
Cell = tuple[str, str, str]  # where, step, fault


def cells() -> list[Cell]:
    """All that must have happened at least once."""
    books = {"broker": AT_BROKER, "custodian": AT_CUSTODIAN, "node": AT_NODE}
    return [(where, step, fault) for where, book in books.items() for step, faults in book.items() for fault in faults]


def fired(installation: Installation) -> Counter[Cell]:
    """By the sandboxes' own logs."""
    found: Counter[Cell] = Counter()
    for entry in installation.broker.log("fault"):
        found["broker", entry["step"], entry["fault"]] += 1
    for entry in installation.custodian.log(kind="fault"):
        found["custodian", entry["step"], entry["fault"]] += 1
    for entry in installation.nodes["fickle"].log(kind="fault"):
        for step, method in NODE_STEPS.items():
            if method in entry["methods"]:
                found["node", step, entry["fault"]] += 1
    return found


def write(path: Path, rows: Iterable[tuple[str, str, str, int]]) -> None:
    """`where,step,fault,fired,verdict`: a cell that never fired has proved nothing, and fails the run."""
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["where", "step", "fault", "fired", "verdict"])
        for where, step, fault, times in rows:
            out.writerow([where, step, fault, times, "ok" if times else "NEVER FIRED"])


def missing(counts: Mapping[Cell, int]) -> list[Cell]:
    return [cell for cell in cells() if not counts.get(cell)]
