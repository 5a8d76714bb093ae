"""`manage.py verify_receipt FILE`: whether a receipt holds together, and with --rpc, whether a node says the same.

Exit code 0: every check holds. 1: one does not. 2: the file is no receipt, or the node gave no answer.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from agora.lib.errors import VendorError
from minting.receipts import MAX_BYTES, Check, Unreadable, check_on_chain, check_receipt, read_receipt

OUTCOMES = {"ok": 0, "refuted": 1, "unreadable": 2, "unanswered": 2}


class Command(BaseCommand):
    help = "Check a receipt: hashes, sums, keys; with --rpc also its mints on-chain. It needs no database."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="as downloaded from an order's page")
        parser.add_argument("--rpc", help="a node of the receipt's chain that you trust, such as http://127.0.0.1:8545")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        report = _verify(options["file"], options["rpc"])
        if options["json"]:
            self.stdout.write(json.dumps(report))
        else:
            self.stdout.write("\n".join(_lines(report)))
        sys.exit(OUTCOMES[report["outcome"]])


def _verify(file: Path, rpc: str | None) -> dict[str, Any]:
    report: dict[str, Any] = {"outcome": "ok", "problem": "", "digest": "", "missing": [], "checks": []}
    try:
        with file.open("rb") as source:
            receipt = read_receipt(source.read(MAX_BYTES + 1))
    except (OSError, Unreadable) as problem:
        return {**report, "outcome": "unreadable", "problem": str(problem)}
    report |= {"digest": receipt["digest"], "missing": receipt["summary"]["content"]["missing"]}
    checks = check_receipt(receipt)
    try:
        checks += _ask_node(receipt, rpc) if rpc else []
    except VendorError as trouble:
        report |= {"outcome": "unanswered", "problem": trouble.detail}
    if not all(check.holds for check in checks):
        report["outcome"] = "refuted"  # whatever a node would say
    return {**report, "checks": [asdict(check) for check in checks]}


def _ask_node(receipt: dict[str, Any], rpc: str) -> list[Check]:
    from minting.chains.evm import EvmChain  # web3 takes a second to import, and most receipts are checked without it

    chain_ids = {mint["chain_id"] for mint in receipt["mints"]["content"]["mints"]}
    if len(chain_ids) > 1:
        return [Check("chain.one", holds=False)]  # a token is on one chain, and an order is of one token
    return [found for chain_id in chain_ids for found in check_on_chain(receipt, EvmChain([rpc], chain_id=chain_id))]


def _lines(report: dict[str, Any]) -> list[str]:
    lines = [f"{'holds' if check['holds'] else 'FAILS'}  {check['code']}" for check in report["checks"]]
    if report["missing"]:
        lines.append(f"partial: {', '.join(report['missing'])} missing")
    if report["digest"]:
        lines.append(f"digest {report['digest']}")
    problem = f": {report['problem']}" if report["problem"] else ""
    return [*lines, f"{report['outcome'].upper()}{problem}"]
