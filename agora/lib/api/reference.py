"""The OpenAPI document and its page, both as committed: what is read is what was tested."""

from __future__ import annotations

import functools
import json

import yaml
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

# Redoc writes its own <style> and searches in a worker that it makes from a blob. Nothing else on this page is ours
# to steal: it knows no session and shows no data.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_document(), content_type="application/vnd.oai.openapi+json;version=3.1")


@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    response = render(request, "api/reference.html")
    response["Content-Security-Policy"] = POLICY
    return response


@functools.cache
def _document() -> bytes:
    text = (settings.BASE_DIR / "docs" / "openapi.yaml").read_text(encoding="utf-8")
    return json.dumps(yaml.safe_load(text), ensure_ascii=False).encode()
