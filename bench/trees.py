"""(f): the liabilities tree of many holders, against OpenZeppelin's library on the same leaves."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bench.figures import Figure
from bench.servers import ROOT
from reserves.management.commands.por_drill import SECRET, _holders
from reserves.merkle import Subject, build_plain_tree, build_sum_tree

T = TypeVar("T")
SUBJECT = Subject(asset="BENCH", chain_id=31337, contract=b"\x11" * 20, block_number=1, block_hash=b"\x22" * 32)
OPENZEPPELIN = ROOT / "reserves" / "standalone" / "openzeppelin"
# The whole of it, from values to root, as an issuer would call it.
_SCRIPT = """
import { readFileSync } from "node:fs";
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";
const values = JSON.parse(readFileSync(process.argv[2], "utf8"));
const since = performance.now();
const tree = StandardMerkleTree.of(values, ["address", "uint256"]);
console.log(JSON.stringify({ root: tree.root, seconds: (performance.now() - since) / 1000 }));
"""


def measure(home: Path, *, holders: int, many: int) -> list[Figure]:
    """`holders` against the library; `many` by ours alone. The plain roots must be equal: RuntimeError."""
    leaves = _holders(holders)
    sums = _timed(lambda: build_sum_tree(subject=SUBJECT, holders=leaves, secret=SECRET))[0]
    plain, tree = _timed(lambda: build_plain_tree(leaves))
    theirs = _openzeppelin(home, leaves)
    if theirs["root"] != "0x" + tree.root.hex():
        raise RuntimeError(f"the roots differ: {theirs['root']} and 0x{tree.root.hex()}")
    figures = [
        Figure(
            part="tree",
            name=f"sums over {holders:,} holders : @openzeppelin/merkle-tree",
            value=sums / float(theirs["seconds"]),
            unit="×",
            at_most=0.05,
            note=f"{sums:.2f} s : {float(theirs['seconds']):.1f} s; plain tree {plain:.2f} s, the same root as theirs",
        )
    ]
    if many:
        seconds = _timed(lambda: build_sum_tree(subject=SUBJECT, holders=_holders(many), secret=SECRET))[0]
        figures.append(Figure(part="tree", name=f"sums over {many:,} holders", value=seconds, unit="s", at_most=15.0))
    return figures


def _openzeppelin(home: Path, leaves: list[tuple[bytes, int]]) -> dict[str, str]:
    values, script = home / "leaves.json", OPENZEPPELIN / ".bench.mjs"  # beside its node_modules, which it imports
    values.write_text(json.dumps([["0x" + holder.hex(), str(amount)] for holder, amount in leaves]))
    script.write_text(_SCRIPT)
    try:
        done = subprocess.run(  # noqa: S603
            [shutil.which("node") or "node", str(script), str(values)],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        script.unlink()
        values.unlink()
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    told: dict[str, str] = json.loads(done.stdout)
    return told


def _timed(step: Callable[[], T]) -> tuple[float, T]:
    started = time.monotonic()
    result = step()
    return time.monotonic() - started, result
