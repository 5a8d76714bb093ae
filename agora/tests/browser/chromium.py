"""Chromium: where it is, how it is started. `python -m agora.tests.browser.chromium` installs Debian's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")
# No sandbox: containers run as root. The others keep it from talking to anybody but the page under test.
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)


class ChromiumMissing(RuntimeError):
    """There is none; the message says how to get one."""


def find() -> str:
    """AGORA_CHROMIUM, or the first on the PATH. Raises ChromiumMissing."""
    wanted = os.environ.get("AGORA_CHROMIUM", "")
    if wanted and not shutil.which(wanted):
        raise ChromiumMissing(f"AGORA_CHROMIUM is {wanted!r}: there is no such program.")
    found = wanted or next(filter(None, map(shutil.which, NAMES)), "")
    if not found:
        raise ChromiumMissing(
            f"None of {', '.join(NAMES)} is on the PATH. Install Chromium (Debian: apt-get install chromium), "
            "or set AGORA_CHROMIUM to a program of your own."
        )
    return found


def install() -> str:
    """Find one; as root on Debian, install it when there is none. Raises ChromiumMissing."""
    try:
        return find()
    except ChromiumMissing:
        if os.environ.get("AGORA_CHROMIUM") or os.geteuid() != 0 or not shutil.which("apt-get"):
            raise
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(["apt-get", *command], env=environment, capture_output=True, text=True)
        if done.returncode:
            raise ChromiumMissing(f"apt-get {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return find()


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{install()}\n")
    except ChromiumMissing as missing:
        sys.exit(str(missing))
