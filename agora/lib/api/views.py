from __future__ import annotations

import sys

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.html import format_html
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
    """Django's handler500: what we did not foresee, in the API's own form where the API was asked.

    Any layer's error comes here, middleware's too: so it is here that the database's trouble becomes a 503.
    """
    if refusal := problem.passing(sys.exc_info()[1]):
        return problem.plain(refusal, request) if request.path.startswith("/api/") else _try_again(request, refusal)
    if not request.path.startswith("/api/"):
        return defaults.server_error(request)
    error = InternalError("It is not your request's fault. Send the same request again in a moment.")
    return problem.plain(error, request)


def _try_again(request: HttpRequest, refusal: AgoraError) -> HttpResponse:
    """A page that needs no database: who looks, and what the frame shows them, cannot be known now."""
    language = catalogue.language_of(request)
    entry = catalogue.entry(refusal.code, language)
    assert entry is not None
    body = format_html(
        '<!doctype html><html lang="{}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>{}</title><h1>{}</h1><p>{}</p>",
        *(catalogue.TAGS[language], entry.title, entry.title, entry.action),
    )
    headers = {"Retry-After": str(refusal.retry_after), "Content-Language": catalogue.TAGS[language]}
    return HttpResponse(body, status=refusal.status, headers=headers)


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
