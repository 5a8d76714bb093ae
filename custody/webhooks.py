"""Where the custodian reports: `POST /webhooks/fireblocks`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from agora.lib.errors import AgoraError
from custody import services


@csrf_exempt  # authenticated by the signature over the body
@require_POST
def fireblocks(request: HttpRequest) -> HttpResponse:
    """200 when kept; 401 on a wrong signature (not sent again); 503 when we cannot check it now (sent again)."""
    try:
        services.receive_webhook(headers=request.headers, body=request.body, now=timezone.now())
    except AgoraError as refusal:
        return JsonResponse({"code": refusal.code, "detail": refusal.detail}, status=refusal.status)
    return JsonResponse({"ok": True})
