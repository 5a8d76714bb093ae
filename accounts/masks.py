"""What staff see of a name and an e-mail address before they ask, with a reason, to read them. Pure."""

from __future__ import annotations

DOT = "•"


def mask_name(name: str) -> str:
    """`Ana Souza` → `A•• S••••`, no more than four dots a word."""
    return " ".join(_mask(word) for word in name.split())


def mask_email(email: str) -> str:
    """`ana@example.com` → `a••@e••••.com`."""
    local, _, domain = email.partition("@")
    if not domain:
        return ""
    host, dot, top = domain.rpartition(".")
    return f"{_mask(local)}@{_mask(host)}{dot}{top}"


def _mask(word: str) -> str:
    return word[:1] + DOT * min(4, len(word) - 1)
