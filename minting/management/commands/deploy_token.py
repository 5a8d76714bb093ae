"""`manage.py deploy_token AAPL`: deploy an asset's token on the local chain and register it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agora.lib.errors import VendorError
from custody.services import ensure_vault
from minting.errors import WrongChain
from minting.services import deploy_token

# Foundry's first development account: public knowledge, funded on every anvil, worthless anywhere else.
LOCAL_DEPLOYER_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


class Command(BaseCommand):
    help = "Open the asset's vault account, deploy its token on the local chain, and register both. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbol", help="the asset's ticker, e.g. AAPL")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            ensure_vault(symbol=options["symbol"])
            token = deploy_token(symbol=options["symbol"], deployer_key=LOCAL_DEPLOYER_KEY)
        except (WrongChain, VendorError) as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"{options['symbol']} is {token.address} on chain {token.chain_id}, minted by {token.minter}")
