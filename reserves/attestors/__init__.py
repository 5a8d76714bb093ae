"""Which attestors this installation asks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from agora.lib import keyfiles
from reserves.attestors.base import Attestor
from reserves.attestors.local import LocalAttestor

LOCAL_ATTESTORS = 3


def get_attestors() -> Sequence[Attestor]:
    """In ascending order of their addresses. Raises KeyFileRefused.

    So far their keys are at hand. An attestor who is somebody else (an auditor, the custodian) is another class with
    the same two members, which asks them over HTTP; services sees no difference.
    """
    keys = keyfiles.read(Path(settings.ATTESTOR_KEYS_FILE))
    return sorted((LocalAttestor(key) for key in keys), key=lambda attestor: int(attestor.address, 16))


def ensure_local_attestors() -> None:
    """Keys of the sandbox's own, made once."""
    keyfiles.ensure(Path(settings.ATTESTOR_KEYS_FILE), count=LOCAL_ATTESTORS)
