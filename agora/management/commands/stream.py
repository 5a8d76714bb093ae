"""`manage.py stream`: the event feed as a server-sent stream, in a process of its own."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from django.core.management.base import CommandParser

from accounts.api.stream import Streams
from agora.lib.aside import ChecksAside

STOP_WITHIN = 5.0  # seconds


class Command(ChecksAside):
    help = "Serve GET /api/v1/events/stream until SIGTERM or SIGINT."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="default 127.0.0.1: a reverse proxy stands in front")
        parser.add_argument("--port", type=int, default=8001, help="default 8001")

    def handle(self, *args: Any, **options: Any) -> None:
        web.run_app(
            Streams().app(),
            host=options["host"],
            port=options["port"],
            handler_cancellation=True,  # a client that leaves frees its place at once
            shutdown_timeout=STOP_WITHIN,
            access_log=None,
            print=None,
        )
