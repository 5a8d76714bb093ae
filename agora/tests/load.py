"""Orders that flow while something is done to the platform, and what became of each."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import requests

PAUSE = 0.5  # seconds between two orders of a client
REPEATS = 5  # of an order that the application itself asks to send again (a 5xx with a problem), under its id


@dataclass
class Load:
    """Clients that each place one order after the other, with a connection for each, until the block is left.

    A connection that is refused, reset or left without an answer is a failure, as is any answer but an order. What
    the application asks to repeat (on a busy machine a transaction may lose every race) is repeated, and counted.
    """

    post: Callable[[str], requests.Response]  # with the customer's own id of the order
    clients: int = 1
    orders: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    repeats: int = 0
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
        counts = f"{len(self.orders)} orders taken, {len(self.failures)} failed, {self.repeats} repeated"
        return f"{counts}, the slowest answer {worst:.2f} s"

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self._place(str(uuid.uuid4()))
            except requests.RequestException as trouble:
                self.failures.append(f"{type(trouble).__name__}: {trouble}")
            self.seconds.append(time.monotonic() - began)
            self._stop.wait(PAUSE)

    def _place(self, client_order_id: str) -> None:
        for _ in range(REPEATS):
            answer = self.post(client_order_id)
            if answer.status_code < 500 or "problem+json" not in answer.headers.get("Content-Type", ""):
                break
            self.repeats += 1
        if answer.status_code in (200, 201):
            self.orders.append(str(answer.json()["order_id"]))
        else:
            self.failures.append(f"{answer.status_code} {answer.text}")
