"""The OpenAPI document, made from the views: scopes, headers and problems are added to each operation here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.serializers import Serializer

from agora.lib.api import catalogue
from agora.lib.api.idempotency import HEADER
from agora.lib.api.pagination import DEFAULT, MOST
from agora.lib.api.problem import MEDIA_TYPE
from agora.lib.api.scopes import ANY_CALLER, PUBLIC, scope_of

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457. Act on `code`: it does not change.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "A page about the code."},
        "title": {"type": "string", "description": "In the language of `Accept-Language`: en, pt-BR or es."},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string", "description": "What to do, in English."},
        "errors": {
            "type": "array",
            "description": "Of `invalid_request`: each field by its JSON pointer (RFC 6901).",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {name: {"type": "string"} for name in ("pointer", "code", "detail")},
            },
        },
    },
}
KEY_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 255, "pattern": '^("[A-Za-z0-9_.:~+/=-]+"|[A-Za-z0-9_.:~+/=-]+)$'},
    "description": "Makes a repetition safe for 72 hours: the same key and body get the first answer again, with "
    "`Idempotency-Replayed: true`. A new UUID serves well.",
}
ETAG_PARAMETER = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The `ETag` of an earlier answer: 304 when nothing has changed.",
}
CURSOR = [
    OpenApiParameter("cursor", str, description="`next_cursor` of the page before."),
    OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT}),
]
_ALWAYS = ("not_acceptable", "rate_limited", "internal_error")
_WITH_CREDENTIAL = ("not_authenticated", "authentication_failed", "insufficient_scope", "address_not_allowed")
_WITH_BODY = ("invalid_request", "parse_error", "body_too_large", "unsupported_media_type")
_WITH_KEY = ("idempotency_key_invalid", "idempotency_in_flight", "idempotency_key_reused")


def operation(
    *,
    id: str,
    summary: str,
    tag: str,
    description: str = "",
    request: Any = None,
    responses: Any = None,
    problems: Sequence[str] = (),
    parameters: Sequence[OpenApiParameter | type[Serializer[Any]]] = (),
    example: dict[str, Any] | None = None,
) -> Any:
    """Document one method of a view. `problems`: codes beyond those that its kind of operation has anyway."""
    return extend_schema(
        operation_id=id,
        summary=summary,
        description=description or f"{summary}.",
        tags=[tag],
        request=request,
        responses=responses,
        parameters=list(parameters),
        examples=[OpenApiExample("request", value=example, request_only=True)] if example else [],
        extensions={"x-problems": list(problems)},
    )


class Schema(AutoSchema):
    def get_auth(self) -> list[dict[str, list[str]]]:
        scope = scope_of(self.view, self.method)
        if scope == PUBLIC:
            return [{}]
        return [{"bearer": [] if scope in (ANY_CALLER, None) else [str(scope)]}]

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        found = super().get_operation(*args, **kwargs)
        if found is None:
            return None
        codes = [*_ALWAYS, *found.pop("x-problems", [])]
        is_public = scope_of(self.view, self.method) == PUBLIC
        if not is_public:
            codes += _WITH_CREDENTIAL
        if "requestBody" in found or self.method == "POST":
            codes += _WITH_BODY
        if "{" in self.path:
            codes.append("not_found")
        if self.method == "POST" and getattr(self.view, "idempotent", False) and not is_public:
            codes += _WITH_KEY
            found.setdefault("parameters", []).append(KEY_PARAMETER)
        if self.method == "GET" and getattr(self.view, "has_etag", False):
            found.setdefault("parameters", []).append(ETAG_PARAMETER)
            found["responses"]["304"] = {"description": "Nothing has changed since that ETag."}
        found["responses"] |= _responses(codes)
        return found


def _responses(codes: Sequence[str]) -> dict[str, Any]:
    by_status: dict[int, list[catalogue.Entry]] = defaultdict(list)
    for code in dict.fromkeys(codes):
        entry = catalogue.entry(code)
        if entry is None:
            raise LookupError(f"{code} is in no catalogue")
        by_status[entry.status].append(entry)
    return {str(status): _response(entries) for status, entries in sorted(by_status.items())}


def _response(entries: list[catalogue.Entry]) -> dict[str, Any]:
    return {
        "description": "; ".join(f"`{entry.code}`: {entry.title}" for entry in entries),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {entry.code: {"$ref": f"#/components/examples/{entry.code}"} for entry in entries},
            }
        },
    }


def _example(entry: catalogue.Entry) -> dict[str, Any]:
    return {
        "type": f"/problems/{entry.code}",
        "title": entry.title,
        "status": entry.status,
        "code": entry.code,
        "detail": entry.action,
    }


def finish(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """drf-spectacular's last hook: the components that every operation refers to."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    for name, schema in components["schemas"].items():
        if name.endswith("Request"):
            schema["additionalProperties"] = False  # StrictSerializer: a misspelt field is an error
    used = {code for path in result["paths"].values() for operation in path.values() for code in _codes(operation)}
    components["examples"] = {
        entry.code: {"value": _example(entry)} for entry in catalogue.entries() if entry.code in used
    }
    components["securitySchemes"] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key (`agora_test_…`, `agora_live_…`) or an access token from `auth/connect-wallet`.",
        }
    }
    return result


def _codes(operation: dict[str, Any]) -> list[str]:
    contents = [response.get("content", {}).get(MEDIA_TYPE, {}) for response in operation["responses"].values()]
    return [code for content in contents for code in content.get("examples", {})]
