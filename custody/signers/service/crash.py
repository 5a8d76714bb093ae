"""Named places where the signer kills itself, for tests: AGORA_SIGNER_CRASH_AT=after_record:2. Sandbox only."""

from __future__ import annotations

import os
import signal
import threading

POINTS = ("before_record", "after_record", "after_signature", "after_keep", "after_answer")


class CrashPoints:
    def __init__(self, armed: str) -> None:
        """Raises ValueError where no such point is."""
        self._name, _, hit = armed.partition(":")
        if armed and self._name not in POINTS:
            raise ValueError(f"{self._name!r} is none of {POINTS}")
        self._left, self._lock = int(hit or 1), threading.Lock()

    def here(self, name: str) -> None:
        if name != self._name:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
