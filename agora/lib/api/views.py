from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from agora.lib.api.problem import MEDIA_TYPE


@api_view(["GET", "POST", "PUT", "PATCH", "DELETE"])
@authentication_classes([])
@permission_classes([AllowAny])
def api_not_found(request: Request, rest: str) -> Response:
    """A path under /api/ that does not exist answers like the rest of the API, not with a page."""
    raise NotFound


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: what we did not foresee, in the API's own form where the API was asked."""
    if not request.path.startswith("/api/"):
        return defaults.server_error(request)
    body = {
        "type": "/problems/internal_error",
        "title": "Something went wrong here",
        "status": 500,
        "code": "internal_error",
        "detail": "It is not your request's fault. Send the same request again in a moment.",
    }
    return JsonResponse(body, status=500, content_type=MEDIA_TYPE)
