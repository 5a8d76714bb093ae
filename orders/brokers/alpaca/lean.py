"""alpaca-py without pandas and numpy: it imports them for tables of bars and one request's dates; we ask for neither.

Together they are 38 MiB in each process that talks to the broker.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class _NotLoaded:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("alpaca-py was imported without pandas and numpy (orders/brokers/alpaca/lean.py)")


class _Absent(ModuleType):
    DataFrame = Timestamp = _NotLoaded


@contextmanager
def without_pandas() -> Iterator[None]:
    """What is imported here finds names in their place that raise RuntimeError when called; then they are gone."""
    absent = {name: _Absent(name) for name in ("pandas", "numpy") if name not in sys.modules}
    sys.modules.update(absent)
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
