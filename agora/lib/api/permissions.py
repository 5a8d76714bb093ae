"""The permission that asks for a scope."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from agora.lib.api.scopes import ANY_CALLER, PUBLIC, Credential, InsufficientScope, scope_of


class HasScope(BasePermission):
    """The view's `scopes` name one for each method; a view without them is closed to all."""

    def has_permission(self, request: Request, view: Any) -> bool:
        wanted = scope_of(view, str(request.method))
        if wanted == PUBLIC:
            return True
        if not isinstance(request.auth, Credential):
            raise NotAuthenticated
        if not hasattr(view, str(request.method).lower()):
            return True  # on to "method not allowed"
        if wanted is None or (wanted != ANY_CALLER and wanted not in request.auth.scopes):
            raise InsufficientScope(
                f"It needs the scope {wanted}. Use a key or session that has it." if wanted else "It is not open yet."
            )
        return True
