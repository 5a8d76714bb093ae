"""Who checks identities: the provider that KYC_PROVIDER names, behind the port in `base`."""

from __future__ import annotations

import functools

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.kyc.auto import AutoProvider
from accounts.kyc.base import KycProvider
from accounts.kyc.manual import ManualProvider
from accounts.kyc.sumsub import SumsubProvider, SumsubWebhook

NAMES = ("auto", "manual", "sumsub")


@functools.cache
def get_provider() -> KycProvider:
    """One a process: its HTTP connections are kept."""
    match settings.KYC_PROVIDER:
        case "auto":
            return AutoProvider()
        case "manual":
            return ManualProvider()
        case "sumsub":
            return SumsubProvider(
                url=settings.SUMSUB_URL,
                app_token=settings.SUMSUB_APP_TOKEN,
                secret_key=settings.SUMSUB_SECRET_KEY,
                level=settings.SUMSUB_LEVEL,
            )
    raise ImproperlyConfigured(f"KYC_PROVIDER is {settings.KYC_PROVIDER!r}: set one of {NAMES}")


def get_webhook() -> SumsubWebhook:
    """For the web: the webhook's secret alone, no API key (DESIGN §5)."""
    return SumsubWebhook(secret=settings.SUMSUB_WEBHOOK_SECRET)
