"""`manage.py setup_sandbox`: everything a sandbox needs before its first order. Safe to repeat."""

from __future__ import annotations

import json
import os
import secrets
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from accounts.services import (
    add_second_factor,
    approve_customer,
    bind_wallet,
    has_login,
    issue_api_token,
    register_customer,
    register_tier,
    set_login,
    set_tier,
)
from agora.management import sandbox_signer
from agora.roles import ROLES
from minting.selectors import tokens
from orders.services import record_rate, refresh_clock, refresh_prices, refresh_rates, register_asset

# Foundry's second development account: the demo customer's wallet on the local chain.
DEMO_WALLET = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


class Command(BaseCommand):
    help = (
        "Migrate, offer AAPL, open its vault account, deploy its token, and make a demo customer and staff logins. "
        "Their credentials go to demo.json in AGORA_HOME. Sandbox mode only."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.AGORA_MODE != "sandbox":
            raise CommandError("This is for AGORA_MODE=sandbox: it makes logins whose passwords stand in a file.")
        call_command("migrate", verbosity=0)
        if connection.settings_dict["ENGINE"] == "agora.lib.embedded":  # another server's roles are its owner's affair
            call_command("grant_roles", stdout=self.stdout)
        register_asset(
            symbol="AAPL",
            name="Apple Inc.",
            token_symbol="AAPL-RAT",  # noqa: S106 - a ticker
            min_quantity=Decimal("0.01"),
            max_quantity=Decimal(1000),
        )
        call_command("register_rules", stdout=self.stdout)
        register_tier(country="BR", level=9, daily_limit_usd=Decimal(10**9), portfolio_cap_usd=None)
        self._market()
        if settings.SIGNER_SOCKET:
            self._token_and_signer()
        else:
            call_command("deploy_token", "AAPL", stdout=self.stdout)
        call_command("sync_schedules", stdout=self.stdout)
        self._demo_logins()

    def _token_and_signer(self) -> None:
        """The token knows its keys' addresses, and the signer's scopes the token's: in this order."""
        keys = sandbox_signer.make_keys()
        call_command("deploy_token", "AAPL", minter=keys.minter, pauser=keys.pauser, stdout=self.stdout)
        sandbox_signer.write_config(keys, contracts=[token.address for token in tokens()])

    def _market(self) -> None:
        """What the follower's loops would bring within seconds, and the rate that no loop brings."""
        now = timezone.now()
        refresh_clock(now=now)
        refresh_prices(now=now)
        refresh_rates(now=now)
        record_rate(currency="PYG", per_usd=Decimal(7300), at=now, source="sandbox, made up", now=now)

    def _demo_logins(self) -> None:
        path = settings.AGORA_HOME / "demo.json"
        if path.exists() and all(has_login(username=name) for name in ("demo", *ROLES)):
            return
        now = timezone.now()
        passwords = {name: secrets.token_urlsafe(12) for name in ("demo", "staff", *ROLES)}
        demo = set_login(username="demo", password=passwords["demo"])
        staff = [set_login(username="staff", password=passwords["staff"], is_superuser=True)]
        staff += [set_login(username=name, password=passwords[name], group=name) for name in ROLES]
        totp = {user.username: add_second_factor(user=user) for user in staff}
        customer = register_customer(user=demo, full_name="Demo Customer", country="BR", now=now)
        approve_customer(customer=customer, actor="setup_sandbox", now=now)
        set_tier(customer=customer, level=settings.DEMO_TIER)
        bind_wallet(customer=customer, address=DEMO_WALLET, now=now)
        token = issue_api_token(user=demo, name="demo", now=now)
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            logins = {"wallet": DEMO_WALLET, "api_token": token, "passwords": passwords, "totp": totp}
            json.dump(logins, file, indent=2)
