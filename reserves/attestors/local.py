"""An attestor whose key is at hand: the sandbox's."""

from __future__ import annotations

from reserves.attestors.base import Report, typed_data


class LocalAttestor:
    """Implements reserves.attestors.base.Attestor. It believes whoever asks: good for a sandbox, for nothing else."""

    def __init__(self, key: str) -> None:
        from eth_account import Account  # here: 20 MiB that a web process does without

        self._account = Account.from_key(key)

    @property
    def address(self) -> str:
        return str(self._account.address)

    def attest(self, report: Report, *, oracle: str) -> bytes:
        signed = self._account.sign_typed_data(full_message=typed_data(report, oracle=oracle))
        return bytes(signed.signature)
