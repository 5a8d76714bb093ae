"""The letter to an endpoint's owner when we stopped sending there."""

from __future__ import annotations

from uuid import UUID

from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import WebhookEndpoint
from accounts.services.notifying.endpoints import PLATFORM
from accounts.states import EndpointStatus
from agora.lib.http import assert_no_transaction


def send_webhook_notice(*, endpoint_id: UUID) -> None:
    """Tell the owner, by e-mail, of an endpoint that we disabled. Nothing if they did it, or turned it on again."""
    assert_no_transaction()
    endpoint = WebhookEndpoint.objects.select_related("customer").get(pk=endpoint_id)
    last = endpoint.events.order_by("-sequence").first()
    ours = last is not None and last.actor == PLATFORM and endpoint.status == EndpointStatus.DISABLED
    if not ours or not endpoint.customer.email:
        return
    context = {"url": endpoint.url, "reason": endpoint.disabled_reason, "at": endpoint.disabled_at}
    with translation.override(endpoint.customer.language):
        body = render_to_string("accounts/emails/webhook_disabled.txt", context)
        send_mail(_("Agora: your webhook endpoint was disabled"), body, None, [endpoint.customer.email])
