"""`manage.py por_drill` (`make por`): a package of made-up holders, checked by two independent verifiers."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from eth_account import Account

from agora.lib.money import tokens_from_wei
from reserves.attestors.reports import LocalReportAttestor
from reserves.merkle import Holder, PlainTree, Subject, SumTree, build_plain_tree, build_sum_tree
from reserves.packaging import VERIFIER, Package, write_package
from reserves.proofs import as_json, proof_of
from reserves.report import NO_HASH, SOURCES, Figure, Liabilities, Statement, canonical, content, content_hash
from reserves.states import FigureName as F

T = TypeVar("T")
OPENZEPPELIN = VERIFIER.parent / "openzeppelin" / "verify.mjs"
SECRET = hashlib.sha256(b"por_drill").digest()
DAY = datetime(2026, 1, 2, tzinfo=UTC)


class Command(BaseCommand):
    help = "Build a reserve package of made-up holders, and have verify.py and @openzeppelin/merkle-tree check it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--holders", type=int, default=100_000)
        parser.add_argument("--proofs", type=int, default=1_000)
        parser.add_argument("--out", type=Path, default=settings.AGORA_HOME / "por-drill", help="emptied first")

    def handle(self, *args: Any, **options: Any) -> None:
        count, proofs, out = options["holders"], options["proofs"], options["out"]
        shutil.rmtree(out, ignore_errors=True)
        holders = _holders(count)
        subject = Subject(asset="DRILL", chain_id=31337, contract=b"\x11" * 20, block_number=1, block_hash=b"\x22" * 32)
        tree = self._timed("sum tree", lambda: build_sum_tree(subject=subject, holders=holders, secret=SECRET))
        plain = self._timed("plain tree", lambda: build_plain_tree(holders))
        attestor = LocalReportAttestor(Account.create().key.hex())
        package = _package(tree, plain, attestor)
        some = _proofs(tree, min(proofs, count))
        folder = self._timed("package", lambda: write_package(out=out, package=package, proofs=some))
        self._check("verify.py", [sys.executable, "-I", str(folder / "verify.py"), "--attestor", attestor.address])
        self._check("openzeppelin", ["node", str(OPENZEPPELIN), str(folder), str(proofs)])
        self.stdout.write(f"POR OK holders={count} proofs={min(proofs, count)} total={tree.total} in {folder}")

    def _timed(self, name: str, step: Callable[[], T]) -> T:
        started = time.monotonic()
        result = step()
        self.stdout.write(f"     {name} in {time.monotonic() - started:.1f} s")
        return result

    def _check(self, name: str, command: list[str]) -> None:
        done = self._timed(name, lambda: subprocess.run(command, capture_output=True, text=True, check=False))  # noqa: S603
        self.stdout.write(done.stdout.rstrip() or done.stderr.rstrip())
        if done.returncode:
            raise CommandError(f"{name} does not agree")


def _holders(count: int) -> list[Holder]:
    digests = (hashlib.sha256(f"drill {i}".encode()).digest() for i in range(count))
    return [(digest[:20], int.from_bytes(digest[20:28], "big") + 1) for digest in digests]


def _proofs(tree: SumTree, count: int) -> Iterator[dict[str, Any]]:
    for i in range(count):
        index = i * tree.count // count
        yield as_json(proof_of(tree, index=index, secret=SECRET), root=tree.root)


def _package(tree: SumTree, plain: PlainTree, attestor: LocalReportAttestor) -> Package:
    total = tokens_from_wei(tree.total)
    none = {F.PENDING_CUSTODY, F.PENDING_MINT}
    figures = [
        Figure(name=name, quantity=Decimal(0) if name in none else total, source=source, as_of=DAY)
        for name, source in SOURCES.items()
    ]
    statement = Statement(
        asset=tree.subject.asset,
        token="DRILL-RAT",  # noqa: S106 - a ticker
        chain_id=tree.subject.chain_id,
        contract="0x" + tree.subject.contract.hex(),
        sequence=1,
        previous_hash=NO_HASH,
        block_number=tree.subject.block_number,
        block_hash="0x" + tree.subject.block_hash.hex(),
        block_at=DAY,
        as_of=DAY,
        figures=figures,
        liabilities=Liabilities(
            root="0x" + tree.root.hex(),
            plain_root="0x" + plain.root.hex(),
            total_wei=tree.total,
            holders=tree.count,
        ),
    )
    said = content(statement)
    text = canonical(said)
    return Package(
        content=text,
        report_hash=content_hash(text),
        attestor=attestor.address,
        signature=attestor.sign(said, report_hash=content_hash(text)),
        previous="",
        leaves=tree.levels[0][: tree.count * 64],
        plain=plain,
    )
