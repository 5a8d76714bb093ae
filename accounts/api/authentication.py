"""`Authorization: Bearer …`: an API key (`agora_test_…`, `agora_live_…`) or an access token (a JWT)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import selectors, services
from accounts.errors import AddressNotAllowed
from agora.lib import log
from agora.lib.api import jwt
from agora.lib.api.scopes import Credential
from agora.lib.visitors import address_of

logger = log.get(__name__)


class BearerAuthentication(BaseAuthentication):
    """Gives `request.user`, the login, and `request.auth`, a Credential.

    A key is looked up by its hash: the comparison of secrets is the index's, on digests. An access token is verified
    without a query; its login is read when a view first asks for it, and a disabled one is refused then.
    """

    def authenticate(self, request: Request) -> tuple[Any, Credential] | None:
        scheme, _, text = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        text, now = text.strip(), timezone.now()
        return _by_jwt(text, now) if jwt.looks_like_one(text) else _by_key(request, text, now)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="agora"'


def _by_key(request: Request, text: str, now: datetime) -> tuple[Any, Credential]:
    token = selectors.live_token(token=text, now=now)
    if token is None:
        raise AuthenticationFailed("The token is unknown, expired or revoked.")
    address = address_of(request._request)
    if not selectors.may_come_from(token=token, address=address):
        raise AddressNotAllowed(f"Add {address or 'your address'} to the key's networks, or use another key.")
    services.note_use(token=token, now=now)
    customer = getattr(token.user, "customer", None)
    return token.user, Credential(
        kind="key",
        subject=f"customer:{customer.pk}" if customer else f"user:{token.user_id}",
        bucket=f"key:{token.pk}",
        scopes=frozenset(token.scopes),
        requests_per_minute=token.requests_per_minute,
    )


def _by_jwt(text: str, now: datetime) -> tuple[Any, Credential]:
    try:
        claims = jwt.verify(
            text,
            keys=selectors.signing_keys(),
            issuer=selectors.token_issuer(),
            audience=settings.JWT_AUDIENCE,
            now=now,
        )
    except jwt.TokenRefused as refusal:
        logger.info("access token refused", problem=str(refusal))
        raise AuthenticationFailed("The token is unknown, expired or revoked.") from None
    customer_id = claims["sub"]

    def login() -> Any:
        user = selectors.user_of_customer(customer_id=customer_id)
        if user is None:
            raise AuthenticationFailed("The token is unknown, expired or revoked.")
        return user

    return SimpleLazyObject(login), Credential(
        kind="jwt",
        subject=f"customer:{customer_id}",
        bucket=f"customer:{customer_id}",
        scopes=frozenset(claims["scope"].split()),
    )
