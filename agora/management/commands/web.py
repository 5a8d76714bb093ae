"""`manage.py web`: the pages, the API and the console, by gunicorn."""

from __future__ import annotations

import argparse
import sys
from typing import Any, ClassVar

from django.core.management.base import CommandParser
from gunicorn.app.wsgiapp import WSGIApplication

from agora.lib.aside import ChecksAside


class Command(ChecksAside):
    help = "Serve the pages, the API and the console by gunicorn until SIGTERM or SIGINT."
    PRELOAD: ClassVar = ["agora.urls", "gunicorn.workers.gthread"]

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("gunicorn", nargs=argparse.REMAINDER, help="gunicorn's own options, after --")

    def handle(self, *args: Any, **options: Any) -> None:
        arguments = [word for word in options["gunicorn"] if word != "--"]
        sys.argv = ["gunicorn", *arguments]  # where gunicorn looks; from here on this process is one
        WSGIApplication().run()
