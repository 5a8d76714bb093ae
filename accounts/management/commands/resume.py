"""`manage.py resume SUBJECT`: take one's own `manage.py pause` back. All else takes two people, in the console."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.management.shell import shell_actor
from accounts.services import undo_pause
from accounts.switches import switches
from agora.lib.errors import AgoraError


class Command(BaseCommand):
    help = "Take your own pause of the last 15 minutes back. What is older, or another's, two people release."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("subject")
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        now, actor, subject = timezone.now(), shell_actor(), options["subject"]
        holds = [one.hold for one in switches(now=now) if one.hold.subject == subject]
        if not holds:
            raise CommandError(f"Nothing pauses {subject!r}. `manage.py pause` lists what is paused.")
        own = next((hold for hold in holds if hold.owner == actor), holds[0])
        try:
            undo_pause(hold_id=own.pk, actor=actor, reason=options["reason"], now=now)
        except AgoraError as refusal:
            raise CommandError(refusal.detail) from refusal
        rest = len(holds) - 1
        self.stdout.write(f"{subject}: yours is released." + (f" {rest} of others stay." if rest else ""))
