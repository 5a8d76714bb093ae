"""API errors as application/problem+json (RFC 9457), each with a stable `code` and a sentence a person can act on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from agora.lib import db, log
from agora.lib.api import catalogue
from agora.lib.errors import AgoraError

logger = log.get(__name__)

MEDIA_TYPE = "application/problem+json"


class Busy(AgoraError):
    code = "busy"
    status = 503
    title = "Too many requests at once"
    retry_after = 1


class DatabaseAway(AgoraError):
    code = "database_unavailable"
    status = 503
    title = "We cannot keep anything right now"
    retry_after = 5

    def __init__(self) -> None:
        super().__init__(
            "It is not your request's fault. Send the same request again after `Retry-After` seconds: with the same "
            "`client_order_id` or `Idempotency-Key` nothing is done twice."
        )


def passing(error: BaseException | None) -> AgoraError | None:
    """The refusal that an error of the database means, where the same request may succeed in a moment."""
    if isinstance(error, Exception) and db.is_lost_race(error):
        logger.warning("gave up a lost race", problem=str(error).partition("\n")[0])
        return Busy("Nothing was changed. Send the same request again in a moment.")
    if db.is_away(error):
        logger.error("database away", problem=str(error).partition("\n")[0])
        return DatabaseAway()
    return None


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
    *,
    code: str,
    detail: str,
    status: int = 0,
    title: str = "",
    headers: dict[str, str] | None = None,
    request: HttpRequest | None = None,
    **more: Any,
) -> Response:
    """The problem of that code; its title in the language that the request prefers."""
    body, said = _body(status, code, title, detail, request)
    return Response(body | more, status=body["status"], content_type=MEDIA_TYPE, headers=said | (headers or {}))


def plain(error: AgoraError, request: HttpRequest | None = None) -> JsonResponse:
    """The same answer from a view that is Django's, not DRF's."""
    body, said = _body(error.status, error.code, error.title, error.detail, request)
    return JsonResponse(body, status=error.status, content_type=MEDIA_TYPE, headers=said | _retry_after(error))


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER. None (a plain 500, logged by Django) for what we did not foresee."""
    request = getattr(context.get("request"), "_request", None)
    error = passing(error) or error
    if isinstance(error, AgoraError):
        return response(
            status=error.status,
            code=error.code,
            title=error.title,
            detail=error.detail,
            headers=_retry_after(error),
            request=request,
        )
    if isinstance(error, exceptions.ValidationError):
        return response(
            code="invalid_request",
            detail="Correct the fields named in `errors` and send it again.",
            request=request,
            errors=list(_field_errors(error.get_full_details(), "")),
        )
    if isinstance(error, Http404 | exceptions.NotFound):
        return response(code="not_found", detail="There is nothing here for you.", request=request)
    if isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.APIException):
        return _from_drf(error, request)
    return None


def _body(
    status: int, code: str, title: str, detail: str, request: HttpRequest | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """The body, and the headers that say its language. The detail is English everywhere, so far."""
    language = catalogue.language_of(request)
    known = catalogue.entry(code, language)
    body = {
        "type": f"/problems/{code}",
        "title": known.title if known else title,
        "status": status or (known.status if known else 500),
        "code": code,
        "detail": detail,
    }
    return body, {"Content-Language": catalogue.TAGS[language], "Vary": "Accept-Language"}


def _retry_after(error: AgoraError) -> dict[str, str]:
    return {"Retry-After": str(error.retry_after)} if error.retry_after else {}


def _from_drf(error: exceptions.APIException, request: HttpRequest | None) -> Response:
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    code = str(error.default_code)
    return response(
        status=error.status_code,
        code=code,
        title=code.replace("_", " ").capitalize(),
        detail=str(error.detail),
        headers=headers,
        request=request,
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
