"""Which publisher brings the reports."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from agora.lib import keyfiles
from minting.chains import get_chain
from reserves.publishers.onchain import OnchainPublisher


def get_publisher() -> OnchainPublisher:
    """Raises KeyFileRefused."""
    (key,) = keyfiles.read(Path(settings.RESERVE_PUBLISHER_KEY_FILE))
    return OnchainPublisher(get_chain(), key)


def ensure_local_publisher() -> None:
    """A key of the sandbox's own, made once."""
    keyfiles.ensure(Path(settings.RESERVE_PUBLISHER_KEY_FILE), count=1)
