"""The public reserves page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from reserves import selectors


def reserves(request: HttpRequest) -> HttpResponse:
    return render(request, "reserves/reserves.html", {"positions": selectors.positions()})
