"""Is a process alive? For containers: exit 0, or 1 and why.

healthcheck.py http://127.0.0.1:8000/healthz      it answers, and not with a fault of its own
healthcheck.py /run/agora/worker.alive            touched within the last 30 s
healthcheck.py --there /run/agora/follower.ready  it is there
"""

from __future__ import annotations

import http.client
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

FRESH = 30.0  # seconds; the worker's pulse goes round each second


def main(what: str) -> str:
    """Why it is not alive; "" when it is."""
    if what.startswith("http://"):
        return _asked(what)
    path = Path(what)
    age = time.time() - path.stat().st_mtime if path.exists() else float("inf")
    return "" if age < FRESH else f"{path} was touched {age:.0f} s ago"


def _asked(url: str) -> str:
    parts = urlsplit(url)
    link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=4)
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0]
    try:
        link.request("GET", parts.path, headers={"Host": host, "X-Forwarded-Proto": "https"})
        status = link.getresponse().status
    except OSError as trouble:
        return f"{url}: {trouble}"
    return "" if status < 500 else f"{url}: {status}"


if __name__ == "__main__":
    if sys.argv[1] == "--there":
        reason = "" if Path(sys.argv[2]).exists() else f"{sys.argv[2]} is not there"
    else:
        reason = main(sys.argv[1])
    sys.stderr.write(reason and f"{reason}\n")
    sys.exit(bool(reason))
