"""What customers ask of their own data, from their profile page."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from accounts import services
from accounts.forms import DeletionForm
from accounts.selectors import customer_of

AFTERWARDS = "profile"  # the page that shows what became of it


@require_POST
@login_required
def deletion_request(request: HttpRequest) -> HttpResponse:
    form = DeletionForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    services.request_deletion(customer=customer_of(user=request.user), reason=reason, now=timezone.now())
    messages.success(request, gettext("We have your request, and will answer it."))
    return redirect(AFTERWARDS)


@require_POST
@login_required
def deletion_withdrawal(request: HttpRequest) -> HttpResponse:
    services.withdraw_deletion(customer=customer_of(user=request.user), now=timezone.now())
    messages.success(request, gettext("Your request is withdrawn. Your account stays as it is."))
    return redirect(AFTERWARDS)
