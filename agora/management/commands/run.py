"""`manage.py run`: several of our long-lived commands from one parent, for a small machine."""

from __future__ import annotations

import importlib
import shlex
import sys
from collections.abc import Callable
from typing import Any

from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import CommandError, CommandParser

from agora.lib.aside import ChecksAside

MEMBERS = ("worker", "follow", "web", "stream")
STOP_WITHIN = 45.0  # seconds; the worker's tasks end within 30


class Command(ChecksAside):
    help = (
        "Run several of worker, follow, web and stream as one family of processes that share the code's memory. "
        "Those that hold the vendors' keys and those that the public reaches belong in families of their own."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("members", nargs="+", metavar="COMMAND", help='e.g. "worker --alive-file x" follow')

    def handle(self, *args: Any, **options: Any) -> None:
        from agora.lib import family  # after `--help`, which must not need the settings

        lines = {words[0]: words for words in map(shlex.split, options["members"]) if words}
        if len(lines) < len(options["members"]) or not set(lines) <= set(MEMBERS):
            raise CommandError(f"each once, of: {', '.join(MEMBERS)}")
        for name in lines:
            _preload(name)
        sys.exit(family.run({name: _member(words) for name, words in lines.items()}, stop_within=STOP_WITHIN))


def _preload(name: str) -> None:
    command = load_command_class(get_commands()[name], name)
    for module in getattr(command, "PRELOAD", ()):
        importlib.import_module(module)


def _member(words: list[str]) -> Callable[[], object]:
    return lambda: call_command(*words)
