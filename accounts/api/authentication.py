"""`Authorization: Bearer agora_…`"""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import selectors


class ApiTokenAuthentication(BaseAuthentication):
    """A login's bearer token, looked up by its hash: the comparison of secrets is the index's, on digests."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        user = selectors.user_by_token(token=token.strip(), now=timezone.now())
        if user is None:
            raise AuthenticationFailed("The token is unknown, expired or revoked.")
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="agora"'
