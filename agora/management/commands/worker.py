"""`manage.py worker`: run queued tasks until SIGTERM or SIGINT."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from agora.lib.aside import ChecksAside

# Imported before the workers are forked, so that they share one copy (152 MiB a process otherwise, STACK.md).
WORKER_PRELOAD = [
    "orders.brokers.alpaca",
    "custody.custodians.fireblocks",
    "custody.signers.fireblocks",
    "minting.chains.evm",
]


class Command(ChecksAside):
    PRELOAD = WORKER_PRELOAD  # in a family's parent, too
    help = "Run the task queue's cluster under a watchdog. Exit code 0 after a graceful stop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--preload", nargs="*", default=WORKER_PRELOAD, help="modules to import before the fork")
        parser.add_argument("--alive-file", type=Path, help="touched whenever a task has gone round; for health checks")

    def handle(self, *args: Any, **options: Any) -> None:
        from agora.lib import watchdog  # django-q2 reads its settings on import; `--help` must not need them

        sys.exit(watchdog.run(preload=options["preload"], alive_file=options["alive_file"]))
