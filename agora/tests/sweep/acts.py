"""What the sweep does inside the installation, each in a process of its own: no page or API of a customer's does it."""

from __future__ import annotations

import secrets
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.utils import timezone
from stdnum.br import cpf

from accounts.models import Customer, Hold, IdempotentRequest
from accounts.services import create_endpoint
from accounts.tests.people import applicant
from agora.lib.invariants import check
from agora.management.commands.audit import all_invariants
from minting.models import ContractDeployment, Token, TokenSwitch
from minting.services import stop_token
from minting.states import SwitchStatus
from orders.models import Order
from orders.services import register_asset
from reserves import services as reserves
from reserves.models import ReconciliationRun, ReportRequest, ReportSignature, ReserveReport
from reserves.tests.reports import approve, staff


def audit() -> list[str]:
    verdicts = [check(invariant) for invariant in all_invariants()]
    return [f"{verdict.name}: {verdict.violations}" for verdict in verdicts if not verdict.holds]


def describe(order_ids: list[str]) -> list[str]:
    """Where these orders are, and all that is held."""
    lines = []
    for order in Order.objects.filter(pk__in=order_ids):
        mints = [(m.status, m.attempts, m.next_attempt_at, m.unbacked_since) for m in order.mints.all()]
        records = [(r.status, r.attempts, r.next_attempt_at) for r in order.custody_records.all()]
        lines.append(f"{order.pk} {order.status} {order.next_attempt_at} records {records} mints {mints}")
    held = Hold.objects.filter(released_at=None).values_list("subject", "owner", "reason")
    return [f"now {timezone.now()}", *lines, *map(str, held)]


def listen_at(url: str, wallet: str) -> None:
    """An endpoint of the demo customer's for what becomes of orders."""
    customer = Customer.objects.get(wallets__address=wallet)
    create_endpoint(customer=customer, url=url, event_types=("order.filled", "order.minted"), now=timezone.now())


def lapse_claims() -> int:
    """As if a minute had gone by since a request was begun and never answered."""
    return IdempotentRequest.objects.filter(status=None).update(claimed_until=timezone.now())


def ask_reconciliation() -> None:
    reserves.ask_reconciliation(actor="sweep", reason="sweep", now=timezone.now())


def runs_since(seconds: float) -> int:
    return ReconciliationRun.objects.filter(as_of__gte=timezone.now() - timedelta(seconds=seconds)).count()


def ask_report() -> str:
    return str(reserves.propose_report(symbol="AAPL", proposer=staff()[0], now=timezone.now()).pk)


def approve_reports() -> int:
    """A second person's approval of every draft that has none; how many there are by now."""
    for report in ReserveReport.objects.filter(approval=None):
        approve(report, by=staff()[1], now=timezone.now())
    return ReserveReport.objects.exclude(approval=None).count()


def reports() -> dict[str, int]:
    return {
        "asked": ReportRequest.objects.count(),
        "drafted": ReserveReport.objects.count(),
        "signed": ReportSignature.objects.count(),
    }


def apply_as_customer() -> str:
    """Somebody new whose application is complete; their id."""
    name = f"sweep-{secrets.token_hex(4)}"
    digits = "".join(str(secrets.randbelow(10)) for _ in range(9))
    return str(applicant(name, tax_id=digits + cpf._calc_check_digits(digits), email=f"{name}@example.com").pk)


def kyc_statuses(customer_ids: list[str]) -> list[str]:
    return list(Customer.objects.filter(pk__in=customer_ids).values_list("status", flat=True))


def deploy(symbols: list[str]) -> None:
    """Offer the assets and set their tokens up, one after the other."""
    for symbol in symbols:
        limits: dict[str, Any] = {"min_quantity": Decimal("0.01"), "max_quantity": Decimal(1000)}
        register_asset(symbol=symbol, name=f"{symbol} Inc.", token_symbol=f"{symbol}-RAT", **limits)
        call_command("deploy_token", symbol, stdout=StringIO())


def deployed(symbols: list[str]) -> list[tuple[int, int]]:
    """(tokens, creations) of each."""
    return [
        (
            Token.objects.filter(asset__symbol=symbol).count(),
            ContractDeployment.objects.filter(asset__symbol=symbol).count(),
        )
        for symbol in symbols
    ]


def stop_transfers() -> str:
    """Ask for it; the stop that is under way, if one is. Mints go on: they are no transfers."""
    return str(stop_token(symbol="AAPL", what="TRANSFERS", actor="sweep", reason="sweep", now=timezone.now()).pk)


def stops(switch_ids: list[str]) -> dict[str, Any]:
    """How many of these have their effect, and the hashes under which they say that it is on the chain."""
    there = TokenSwitch.objects.filter(pk__in=switch_ids, status__in=[SwitchStatus.EFFECTIVE, SwitchStatus.DONE])
    return {"there": there.count(), "hashes": sorted(there.values_list("tx_hash", flat=True))}
