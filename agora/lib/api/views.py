from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views import defaults
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from agora.lib.api import catalogue, problem
from agora.lib.errors import AgoraError


class PathUnknown(AgoraError):
    code = "not_found"
    status = 404
    title = "Not found"


class InternalError(AgoraError):
    code = "internal_error"
    status = 500
    title = "Something went wrong here"


@extend_schema(exclude=True)
@api_view(["GET", "POST", "PUT", "PATCH", "DELETE"])
@authentication_classes([])
@permission_classes([AllowAny])
def api_not_found(request: Request, rest: str) -> Response:
    """A path under /api/ that does not exist answers like the rest of the API, not with a page."""
    raise NotFound


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404: a path under /api/ that no pattern takes, such as one with a line break in it."""
    if not request.path.startswith("/api/"):
        return defaults.page_not_found(request, exception)
    return problem.plain(PathUnknown("There is nothing here for you."), request)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: what we did not foresee, in the API's own form where the API was asked."""
    if not request.path.startswith("/api/"):
        return defaults.server_error(request)
    error = InternalError("It is not your request's fault. Send the same request again in a moment.")
    return problem.plain(error, request)


@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    """Every code of the API, in the reader's language."""
    language = _language(request)
    return _page(request, "api/problems.html", language, {"entries": catalogue.entries(language)})


@require_safe
def problem_page(request: HttpRequest, code: str) -> HttpResponse:
    """What the `type` of a problem leads to."""
    language = _language(request)
    entry = catalogue.entry(code, language)
    if entry is None:
        raise Http404
    return _page(request, "api/problem.html", language, {"entry": entry})


def _page(request: HttpRequest, template: str, language: str, context: dict[str, object]) -> HttpResponse:
    shared = {"labels": catalogue.LABELS[language], "lang": catalogue.TAGS[language], "tags": catalogue.TAGS}
    response = render(request, template, {**context, **shared})
    response["Content-Language"] = catalogue.TAGS[language]
    patch_vary_headers(response, ["Accept-Language"])
    return response


def _language(request: HttpRequest) -> str:
    wanted = request.GET.get("lang", "").lower()
    return wanted if wanted in catalogue.TAGS else catalogue.language_of(request)
