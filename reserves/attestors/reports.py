"""Who signs the public reserve report: a key of its own, known by its address before there is any report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings

from agora.lib import keyfiles
from reserves.report import typed_data


class ReportAttestor(Protocol):
    @property
    def address(self) -> str: ...

    def sign(self, said: Mapping[str, Any], *, report_hash: str) -> str:
        """The signature (0x…, 65 bytes) over a report's content (EIP-712). Rejected, Unavailable, Uncertain.

        A report that is signed twice is one report.
        """


class LocalReportAttestor:
    """A key at hand: the sandbox's. An auditor's is another class with the same members, asking over HTTP."""

    def __init__(self, key: str) -> None:
        from eth_account import Account  # here: 20 MiB that a web process does without

        self._account = Account.from_key(key)

    @property
    def address(self) -> str:
        return str(self._account.address)

    def sign(self, said: Mapping[str, Any], *, report_hash: str) -> str:
        signed = self._account.sign_typed_data(full_message=typed_data(said, report_hash=report_hash))
        return "0x" + bytes(signed.signature).hex()


def get_report_attestor() -> ReportAttestor:
    """Raises KeyFileRefused."""
    (key,) = keyfiles.read(Path(settings.REPORT_ATTESTOR_KEY_FILE))
    return LocalReportAttestor(key)


def ensure_local_report_attestor() -> None:
    """A key of the sandbox's own, made once."""
    keyfiles.ensure(Path(settings.REPORT_ATTESTOR_KEY_FILE), count=1)


def signer_of(said: Mapping[str, Any], *, report_hash: str, signature: str) -> str:
    """The address whose key signed."""
    from eth_account import Account
    from eth_account.messages import encode_typed_data

    message = encode_typed_data(full_message=typed_data(said, report_hash=report_hash))
    return str(Account.recover_message(message, signature=signature))
