"""Orders that flow while something is done to the platform, and what became of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import requests

PAUSE = 0.05  # seconds between two orders of a client


@dataclass
class Load:
    """Clients that each place one order after the other, with a connection for each, until the block is left."""

    post: Callable[[], requests.Response]
    clients: int = 2
    orders: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def flows(self, more: int = 5) -> Callable[[], bool]:
        """A condition: so many more orders were taken than when it was made."""
        enough = len(self.orders) + more
        return lambda: bool(self.failures) or len(self.orders) >= enough

    def __str__(self) -> str:
        worst = max(self.seconds, default=0.0)
        return f"{len(self.orders)} orders taken, {len(self.failures)} failed, the slowest answer {worst:.2f} s"

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                answer = self.post()
            except requests.RequestException as trouble:
                self.failures.append(f"{type(trouble).__name__}: {trouble}")
            else:
                if answer.status_code == 201:
                    self.orders.append(str(answer.json()["order_id"]))
                else:
                    self.failures.append(f"{answer.status_code} {answer.text}")
            self.seconds.append(time.monotonic() - began)
            self._stop.wait(PAUSE)
