"""The front door."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.errors import NotACustomer
from accounts.selectors import customer_of


def home(request: HttpRequest) -> HttpResponse:
    customer = None
    if request.user.is_authenticated:
        try:
            customer = customer_of(user=request.user)
        except NotACustomer:
            customer = None  # a staff login: the page says so
    return render(request, "accounts/home.html", {"customer": customer})
