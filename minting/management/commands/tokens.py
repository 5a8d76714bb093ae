"""`manage.py tokens`: the tokens on this chain."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from minting.selectors import tokens


class Command(BaseCommand):
    help = "List the registered tokens of the configured chain: ticker, symbol, address, minter."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON array instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["json"]:
            self.stdout.write(json.dumps([asdict(token) for token in tokens()]))
            return
        for token in tokens():
            self.stdout.write(f"{token.symbol}  {token.token_symbol}  {token.address}  minter {token.minter}")
