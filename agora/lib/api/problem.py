"""API errors as application/problem+json (RFC 9457), each with a stable `code` and a sentence a person can act on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from agora.lib import log
from agora.lib.errors import AgoraError

logger = log.get(__name__)

MEDIA_TYPE = "application/problem+json"

# DRF's own codes for a field's faults → ours
FIELD_CODES = {
    "required": "missing",
    "null": "missing",
    "blank": "missing",
    "invalid": "invalid",
    "max_digits": "too_large",
    "max_whole_digits": "too_large",
    "max_value": "too_large",
    "max_string_length": "too_large",
    "max_decimal_places": "too_precise",
    "min_value": "too_small",
    "max_length": "too_long",
}


def response(
    *, status: int, code: str, title: str, detail: str, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    body = _body(status, code, title, detail) | more
    return Response(body, status=status, content_type=MEDIA_TYPE, headers=headers)


def plain(error: AgoraError) -> JsonResponse:
    """The same answer from a view that is Django's, not DRF's."""
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
    body = _body(error.status, error.code, error.title, error.detail)
    return JsonResponse(body, status=error.status, content_type=MEDIA_TYPE, headers=headers)


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER. None (a plain 500, logged by Django) for what we did not foresee."""
    if isinstance(error, AgoraError):
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
        return response(status=error.status, code=error.code, title=error.title, detail=error.detail, headers=headers)
    if isinstance(error, exceptions.ValidationError):
        return response(
            status=400,
            code="invalid_request",
            title="The request is not valid",
            detail="Correct the fields named in `errors` and send it again.",
            errors=list(_field_errors(error.get_full_details(), "")),
        )
    if isinstance(error, Http404 | exceptions.NotFound):
        return response(status=404, code="not_found", title="Not found", detail="There is nothing here for you.")
    if isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.APIException):
        return _from_drf(error)
    return None


def _body(status: int, code: str, title: str, detail: str) -> dict[str, Any]:
    return {"type": f"/problems/{code}", "title": title, "status": status, "code": code, "detail": detail}


def _from_drf(error: exceptions.APIException) -> Response:
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    code = str(error.default_code)
    return response(
        status=error.status_code,
        code=code,
        title=code.replace("_", " ").capitalize(),
        detail=str(error.detail),
        headers=headers,
    )


def _field_errors(details: Any, pointer: str) -> Iterator[dict[str, str]]:
    """Flatten DRF's nested details to `{pointer (RFC 6901), code, detail}`."""
    if isinstance(details, dict) and isinstance(details.get("message"), str) and "code" in details:
        code = str(details["code"])
        yield {"pointer": pointer or "/", "code": FIELD_CODES.get(code, code), "detail": details["message"]}
    elif isinstance(details, dict):
        for name, inner in details.items():
            yield from _field_errors(inner, pointer if name == "non_field_errors" else f"{pointer}/{name}")
    else:
        for inner in details:
            yield from _field_errors(inner, pointer)
