"""Signing in: with a wallet (EIP-4361), or with a password."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts import selectors, services
from accounts.errors import ProfileInvalid
from accounts.models import User
from agora.lib import ratelimit
from agora.lib.api import problem
from agora.lib.errors import AgoraError
from agora.lib.nesting import check_depth
from agora.lib.visitors import address_of, network_of, origin_of

BODY_LIMIT = 20_000  # bytes; the longest contract wallet's signature is below 17,000 hex digits


class SignInView(LoginView):
    """A wallet first; e-mail or name with a password, for staff, below."""

    template_name = "accounts/sign_in.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), **wallet_context(self.request)}


def wallet_context(request: HttpRequest) -> dict[str, Any]:
    """What `components/_wallet.html` needs, on any page that signs with a wallet."""
    rpc_url = settings.CHAIN_PUBLIC_RPC_URL
    if not rpc_url and settings.AGORA_MODE == "sandbox":
        rpc_url = settings.CHAIN_RPC_URLS[0]
    return {
        "chain_id": settings.CHAIN_ID,
        "chain_name": settings.CHAIN_NAME,
        "chain_rpc_url": rpc_url,
        "chain_explorer_url": settings.CHAIN_EXPLORER_URL,
        "dapp_path": f"{request.get_host()}{request.path}",
        "page_url": request.build_absolute_uri(request.path),
    }


@never_cache
@require_POST
def wallet_challenge(request: HttpRequest) -> HttpResponse:
    """`{address, chain_id}` → `{text}`, to be signed by `personal_sign` in this browser within five minutes."""
    try:
        _spend_sign_in(request)
        body = _body(request)
        address, chain_id = body.get("address"), body.get("chain_id")
        if not isinstance(address, str) or type(chain_id) is not int:
            raise ProfileInvalid("Send `address` (text) and `chain_id` (number).")
        request.session["signing_in"] = True  # an empty session has no cookie, and so no key to bind to
        if not request.session.session_key:
            request.session.create()
        text = services.issue_challenge(
            address=address,
            chain_id=chain_id,
            origin=origin_of(request),
            session_key=str(request.session.session_key),
            user=_user(request),
            now=timezone.now(),
        )
    except AgoraError as refusal:
        return problem.plain(refusal, request)
    return JsonResponse({"text": text})


@never_cache
@require_POST
def wallet_verify(request: HttpRequest) -> HttpResponse:
    """`{signature, next?}` → `{next}`: signed in, or the wallet added, under a new session key."""
    try:
        _spend_sign_in(request)
        body = _body(request)
        signature = body.get("signature")
        if not isinstance(signature, str):
            raise ProfileInvalid("Send `signature` (text).")
        user = _user(request)
        signed_in = services.redeem_challenge(
            signature=signature, session_key=request.session.session_key or "", user=user, now=timezone.now()
        )
    except AgoraError as refusal:
        return problem.plain(refusal, request)
    request.session.pop("signing_in", None)
    if user is None:
        login(request, signed_in.user, backend="django.contrib.auth.backends.ModelBackend")
    else:
        request.session.cycle_key()
    return JsonResponse({"next": _next(request, body.get("next"))})


def _spend_sign_in(request: HttpRequest) -> None:
    """Raises RateLimited. The API's sign-in uses up the same rate."""
    name, rate = selectors.sign_in_rate(network=network_of(address_of(request)))
    ratelimit.require(name=name, rate=rate, now=timezone.now())


def _user(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _next(request: HttpRequest, wanted: object) -> str:
    own = {request.get_host()}
    if isinstance(wanted, str) and url_has_allowed_host_and_scheme(wanted, own, require_https=request.is_secure()):
        return wanted
    return resolve_url(settings.LOGIN_REDIRECT_URL)


def _body(request: HttpRequest) -> dict[str, Any]:
    if len(request.body) > BODY_LIMIT:
        raise ProfileInvalid("The request is too long.")
    try:
        text = request.body.decode("utf-8")
        check_depth(text)
        body = json.loads(text)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ProfileInvalid("Send a JSON object.")
    return body
