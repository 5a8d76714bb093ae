"""`manage.py pause [SUBJECT --reason …]`: the kill switches, when the console cannot be reached."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.management.shell import shell_actor
from accounts.services import pause
from accounts.switches import switches, what_it_stops
from agora.lib.errors import AgoraError


class Command(BaseCommand):
    help = (
        "Stop it now: everything, buying, minting, buying:AAPL, minting:AAPL, asset:AAPL or customer:<id>. "
        "Without a subject: list what is stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("subject", nargs="?", default="")
        parser.add_argument("--reason", default="", help="kept for good in the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        if not options["subject"]:
            for one in switches(now=now):
                hold = one.hold
                self.stdout.write(
                    f"{hold.subject} since {hold.placed_at:%Y-%m-%d %H:%M} UTC by {one.owner}: {hold.reason}"
                )
            return
        try:
            pause(subject=options["subject"], actor=shell_actor(), reason=options["reason"], now=now)
        except AgoraError as refusal:
            raise CommandError(refusal.detail) from refusal
        self.stdout.write(f"Stopped: {what_it_stops(subject=options['subject'])}")
