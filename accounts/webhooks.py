"""Where the identity provider reports: `POST /webhooks/sumsub`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import services
from accounts.errors import WebhookRefused
from agora.lib.api import problem


@csrf_exempt  # authenticated by the digest over the body
@require_POST
def sumsub(request: HttpRequest) -> HttpResponse:
    """200 when kept; 401 on a wrong digest."""
    try:
        services.receive_kyc_webhook(headers=request.headers, body=request.body, now=timezone.now())
    except WebhookRefused as refusal:
        return problem.plain(refusal)
    return JsonResponse({"ok": True})
