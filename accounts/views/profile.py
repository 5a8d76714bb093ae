"""What we know of a customer, and what they may change."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts import selectors
from accounts.views.sign_in import wallet_context


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    customer = selectors.customer_of(user=request.user)
    now = timezone.now()
    context = {
        "customer": customer,
        "state": selectors.onboarding_of(customer=customer),
        "left": selectors.limit_left(customer=customer, now=now),
        "wallets": selectors.wallets_of(customer=customer),
        "consents": selectors.consents_of(customer=customer),
        "deletion": selectors.deletion_of(customer=customer, now=now),
        "next": request.path,
        **wallet_context(request),
    }
    return render(request, "accounts/profile.html", context)
