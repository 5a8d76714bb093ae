"""Who acts at a shell, for the audit log: the system's login, not what the environment says."""

from __future__ import annotations

import os
import pwd


def shell_actor() -> str:
    try:
        return f"shell:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:  # a container's number without a name
        return f"shell:{os.getuid()}"
