"""`manage.py por_package`: a published report's files, for strangers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agora.lib.errors import AgoraError
from reserves import selectors
from reserves.packaging import PackageExists, write_package

ALL_UP_TO = 1000  # holders: beyond, proofs are handed out one by one (selectors.inclusion_proof)


class Command(BaseCommand):
    help = "Write por/<asset>/<date>/ of a published reserve report: what verify.py in it needs, and verify.py."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--asset", required=True, help="the ticker, e.g. AAPL")
        parser.add_argument("--out", type=Path, default=settings.AGORA_HOME / "por", help="default: AGORA_HOME/por")
        parser.add_argument("--sequence", type=int, help="which report; default the last")
        parser.add_argument("--proofs", type=int, default=ALL_UP_TO, help=f"of how many holders; default {ALL_UP_TO}")

    def handle(self, *args: Any, **options: Any) -> None:
        which = {"symbol": options["asset"], "sequence": options["sequence"]}
        try:
            package = selectors.package_of(**which)
            proofs = selectors.inclusion_proofs(**which, limit=options["proofs"])
            folder = write_package(out=options["out"], package=package, proofs=proofs)
        except (AgoraError, PackageExists) as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(str(folder))
