"""`manage.py stop_token [SYMBOL --reason …]`: stop a token on the chain, when the console cannot be reached."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.management.shell import shell_actor
from agora.lib.errors import AgoraError
from minting.selectors import switches
from minting.services import stop_token
from minting.states import Stoppable


class Command(BaseCommand):
    help = (
        "Have the pauser's key stop minting of a token on the chain; a worker sends it, within seconds. Without a "
        "ticker: every stop and start that is under way, and for a start what the token's admin has to sign."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbol", nargs="?", default="", help="the asset's ticker, e.g. AAPL")
        parser.add_argument("--transfers", action="store_true", help="stop transfers instead of minting")
        parser.add_argument("--reason", default="", help="kept for good in the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["symbol"]:
            what = Stoppable.TRANSFERS if options["transfers"] else Stoppable.MINTING
            who, now = shell_actor(), timezone.now()
            try:
                stop_token(symbol=options["symbol"], what=what, actor=who, reason=options["reason"], now=now)
            except AgoraError as refusal:
                raise CommandError(refusal.detail) from refusal
        for one in switches():
            self.stdout.write(f"{one.symbol} {one.turn} {one.what} {one.status} {one.tx_hash}{one.problem}")
            for line in one.ceremony:
                self.stdout.write(f"    {line}")
