"""Named places where a process can be told to kill -9 itself, so that tests can prove what happens there.

`AGORA_CRASH_AT=submit_order.after_call` dies at the first hit, `…:3` at the third. Refused outside the sandbox
(agora.E006). Unarmed, a call costs one comparison.
"""

from __future__ import annotations

import os
import signal

from django.conf import settings

_armed, _, _hit = settings.CRASH_AT.partition(":")
_hits_left = int(_hit or 1)


def here(name: str) -> None:
    """Die here with SIGKILL if this point is armed and its hit has come."""
    global _hits_left
    if name != _armed:
        return
    _hits_left -= 1
    if _hits_left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
