"""The front pages, which show something of every app: landing, dashboard, what a token is."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language

from accounts import selectors as accounts
from accounts.errors import NotACustomer
from minting import selectors as minting
from orders import market
from orders import selectors as orders
from reserves import selectors as reserves


def home(request: HttpRequest) -> HttpResponse:
    """The landing page; nothing on it depends on who looks, but the way in."""
    now = timezone.now()
    context = {
        "assets": [(asset, market.quote(symbol=asset.symbol, now=now)) for asset in orders.tradable_assets()],
        "positions": reserves.positions(),
    }
    return render(request, "home.html", context)


@login_required
def dashboard(request: HttpRequest) -> HttpResponse:
    try:
        customer = accounts.customer_of(user=request.user)
    except NotACustomer:
        return redirect("home")  # a staff login: the landing page shows the way to the console
    now = timezone.now()
    wallets = accounts.wallets_of(customer=customer)
    holdings = minting.holdings(addresses=[wallet.address for wallet in wallets])
    context = {
        "customer": customer,
        "state": accounts.onboarding_of(customer=customer),
        "left": accounts.limit_left(customer=customer, now=now),
        "wallets": wallets,
        "holdings": [(held, market.quote(symbol=held.symbol, now=now)) for held in holdings],
        "total_usd": _total(holdings, now=now),
        "recent": list(orders.orders_of(user=request.user)[:5]),
    }
    return render(request, "dashboard.html", context)


def _total(holdings: list[minting.Holding], *, now: datetime) -> Decimal | None:
    """US$ of everything held; None while a balance or a price is not known."""
    total = Decimal(0)
    for held in holdings:
        price_usd = market.quote(symbol=held.symbol, now=now).price_usd
        if held.quantity is None or (price_usd is None and held.quantity):
            return None
        total += held.quantity * (price_usd or 0)
    return total


def what_you_own(request: HttpRequest) -> HttpResponse:
    context = {
        "tokens": minting.tokens(),
        "explorer": settings.CHAIN_EXPLORER_URL,
        "chain_name": settings.CHAIN_NAME,
        "rights": next(
            (text for text in accounts.current_disclosures(language=get_language() or "en") if text.kind == "RIGHTS"),
            None,
        ),
    }
    return render(request, "what_you_own.html", context)
