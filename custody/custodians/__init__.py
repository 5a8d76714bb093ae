"""Which custodian this installation uses. Django is imported in the functions: the signer's process has none."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from custody.custodians.fireblocks import FireblocksCustodian
    from custody.custodians.jws import WebhookVerifier


@functools.cache
def get_custodian() -> FireblocksCustodian:
    """Built once a process; the SDK is imported at the first call, not at start (the web never needs it)."""
    from django.conf import settings

    from custody.custodians.fireblocks import FireblocksCustodian

    return FireblocksCustodian(
        api_key=settings.FIREBLOCKS_API_KEY,
        private_key_pem=Path(settings.FIREBLOCKS_PRIVATE_KEY_FILE).read_text(encoding="ascii"),
        url=settings.FIREBLOCKS_URL,
        jwks_url=settings.FIREBLOCKS_JWKS_URL,
    )


@functools.cache
def get_webhook_verifier() -> WebhookVerifier:
    """For the web: only public keys, no SDK, no API key (DESIGN §5)."""
    from django.conf import settings

    from custody.custodians.jws import WebhookVerifier

    return WebhookVerifier(jwks_url=settings.FIREBLOCKS_JWKS_URL)
