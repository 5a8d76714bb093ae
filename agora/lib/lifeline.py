"""Children that do not outlive their parent, even when it is killed with SIGKILL and cannot tidy up.

On Linux the kernel does it (PR_SET_PDEATHSIG). It forgets the wish at each fork, hence `bind_forks`; it keeps it over
an exec, hence the command line, which a parent with threads uses instead of running Python between fork and exec:

    python -S -E lifeline.py PARENT_PID program argument…
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None  # loaded before any fork


def die_with(parent: int) -> None:
    """Called in a child: SIGKILL for this process when its parent dies, or now when it is dead already."""
    if _libc is not None:
        if _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os._exit(1)


def bind_forks() -> None:
    """From now on every process forked by this one, and by those, dies with the process that forked it."""
    parent = os.getpid()

    def remember() -> None:
        nonlocal parent
        parent = os.getpid()

    os.register_at_fork(before=remember, after_in_child=lambda: die_with(parent))


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    if sys.platform == "linux":  # elsewhere nothing survives the exec: the supervisor's own clean-up must do
        die_with(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 -- the supervisor's own argument list, without a shell
