"""A customer's API keys: listed, made, ended."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import selectors, services
from accounts.forms import ApiKeyForm
from accounts.models import User
from agora.lib.errors import AgoraError


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def api_keys(request: HttpRequest) -> HttpResponse:
    """The list, and a form for another one; the key itself is on the page once, when it was made."""
    customer = selectors.customer_of(user=request.user)
    form, key = ApiKeyForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        try:
            key = _issue(customer.user, form)
            form = ApiKeyForm()
        except AgoraError as refusal:
            form.add_error(None, refusal.detail)
    tokens = selectors.tokens_of(user=customer.user)
    return render(
        request, "accounts/api_keys.html", {"form": form, "key": key, "tokens": tokens, "now": timezone.now()}
    )


@login_required
@require_POST
def revoke_api_key(request: HttpRequest, token_id: int) -> HttpResponse:
    customer = selectors.customer_of(user=request.user)
    actor = f"customer:{customer.pk}"
    if services.revoke_api_token(token_id=token_id, actor=actor, user=customer.user, now=timezone.now()):
        messages.success(request, _("The key is ended. Whoever uses it is refused from now on."))
    return redirect("api-keys")


def _issue(user: User, form: ApiKeyForm) -> str:
    now, asked = timezone.now(), form.cleaned_data
    return services.issue_api_token(
        user=user,
        name=asked["name"],
        scopes=asked["scopes"],
        allowed_networks=asked["networks"].split(),
        expires_at=now + timedelta(days=int(asked["days"])),
        now=now,
        actor=f"customer:{selectors.customer_of(user=user).pk}",
    )
