"""How the signer says no."""

from __future__ import annotations


class Refused(Exception):
    """The request is not allowed: final for this request, nothing was signed. `code` is stable."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail
