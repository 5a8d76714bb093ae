"""What outsiders said, as PostgreSQL can keep it: every word, but for what no column holds."""

from __future__ import annotations

import math
from typing import Any


def storable(value: Any) -> Any:
    """The same, as JSON that PostgreSQL takes: no NUL, no lone surrogates, no NaN, nothing that is not JSON."""
    if isinstance(value, dict):
        return {text(str(key)): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return text(str(value))


def text(said: str) -> str:
    """The same words, with what cannot be stored written out."""
    return said.replace("\x00", "\\0").encode("utf-8", "backslashreplace").decode()
