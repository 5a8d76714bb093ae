"""`manage.py deploy_token AAPL`: deploy an asset's token with its reserve oracle, set both up, and register them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from agora.lib import keyfiles
from agora.lib.errors import VendorError
from agora.lib.money import wei_from_shares
from custody.services import ensure_vault
from custody.signers import get_stop_signer
from minting.chains import local
from minting.errors import DeploymentStuck, NotAudited, WrongChain
from minting.services import Gate, TokenPlan, deploy_token
from reserves.attestors import ensure_local_attestors, get_attestors
from reserves.attestors.reports import ensure_local_report_attestor
from reserves.publishers import ensure_local_publisher, get_publisher


class Command(BaseCommand):
    help = (
        "Open the asset's vault account, deploy its token and its reserve oracle, give each role to its own address, "
        "set limits, terms and the reserve feed, write the record, register. Safe to kill and to repeat. A public "
        "chain is refused until contracts/AUDIT.md signs this very code off."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbol", help="the asset's ticker, e.g. AAPL")
        parser.add_argument("--chain", type=int, help="refuse to run on any other chain id")
        parser.add_argument("--minter", default="", help="0x…; the signer is asked when absent")
        parser.add_argument("--pauser", default="", help="0x…; TOKEN_PAUSER, else the signer's, when absent")
        parser.add_argument("--no-reserve-gate", action="store_true", help="a token that no reserve feed bounds")

    def handle(self, *args: Any, **options: Any) -> None:
        symbol, chain_id = options["symbol"], settings.CHAIN_ID
        if options["chain"] not in (None, chain_id):
            raise CommandError(f"CHAIN_ID is {chain_id}, not {options['chain']}.")
        try:
            is_local = chain_id in local.CHAIN_IDS
            if is_local:
                ensure_local_attestors()
                ensure_local_publisher()
                ensure_local_report_attestor()
            ensure_vault(symbol=symbol)
            keys = {"minter": options["minter"], "pauser": options["pauser"] or _pauser(is_local)}
            plan = _plan(symbol, gated=not options["no_reserve_gate"], is_local=is_local, **keys)
            token = deploy_token(plan=plan, deployer_key=_deployer_key(is_local), now=timezone.now())
        except (WrongChain, NotAudited, DeploymentStuck, keyfiles.KeyFileRefused, VendorError) as problem:
            raise CommandError(str(problem)) from problem
        feed = f"reserves by {token.reserve_feed}" if token.reserve_feed else "no reserve gate"
        self.stdout.write(f"{symbol} is {token.address} on chain {token.chain_id}, minted by {token.minter}, {feed}")


def _pauser(is_local: bool) -> str:
    """Who stops a token: the signer's key for that, unless it is somebody else by TOKEN_PAUSER."""
    if settings.TOKEN_PAUSER:
        return str(settings.TOKEN_PAUSER)
    signer = get_stop_signer()
    return signer.address() if signer else local.PAUSER if is_local else ""


def _plan(symbol: str, *, gated: bool, is_local: bool, minter: str, pauser: str) -> TokenPlan:
    def role(configured: str, development: str) -> str:
        return configured or (development if is_local else "")

    return TokenPlan(
        symbol=symbol,
        admin=role(settings.TOKEN_ADMIN, local.ADMIN),
        minter=minter,
        pauser=pauser,
        compliance=role(settings.TOKEN_COMPLIANCE, local.COMPLIANCE),
        reserve_admin=role(settings.TOKEN_RESERVE_ADMIN, local.RESERVE_ADMIN),
        admin_delay=settings.TOKEN_ADMIN_DELAY,
        minter_allowance_wei=wei_from_shares(settings.TOKEN_MINTER_ALLOWANCE),
        daily_cap_wei=wei_from_shares(settings.TOKEN_DAILY_MINT_CAP),
        terms_uri=settings.TOKEN_TERMS_URI,
        terms=Path(settings.TOKEN_TERMS_FILE).read_bytes(),
        gate=_gate() if gated else None,
        gas_for=(pauser, *((get_publisher().address,) if gated else ())),
    )


def _gate() -> Gate:
    return Gate(
        attestors=tuple(attestor.address for attestor in get_attestors()),
        threshold=settings.ATTESTOR_THRESHOLD,
        max_age=settings.RESERVE_MAX_AGE,
        margin_wei=wei_from_shares(settings.RESERVE_MARGIN),
    )


def _deployer_key(is_local: bool) -> str:
    if is_local:
        return local.DEPLOYER_KEY
    (key,) = keyfiles.read(Path(settings.DEPLOYER_KEY_FILE))
    return key
