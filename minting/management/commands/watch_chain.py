"""`manage.py watch_chain`: the chain's loop alone, for a machine of its own (`manage.py follow` has it too)."""

from __future__ import annotations

import sys
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from agora.lib import loops
from minting.services import follow_chain, verify_chain


class Command(BaseCommand):
    help = "Follow blocks, confirm and settle mints, undo reorgs, until SIGTERM or SIGINT."

    def handle(self, *args: Any, **options: Any) -> None:
        verify_chain()
        sys.exit(loops.run([loops.Loop("chain", settings.CHAIN_POLL_EVERY, _watch)]))


def _watch(stop: threading.Event) -> None:
    follow_chain(now=timezone.now())
