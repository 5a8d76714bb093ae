"""Debian's Prometheus and Alertmanager. `python -m agora.tests.alerts.programs` installs them; here they are run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
}


class ProgramsMissing(RuntimeError):
    """Some are not there; the message says how to get them."""


def find() -> dict[str, str]:
    """Where each is. Raises ProgramsMissing."""
    found = {name: shutil.which(name) or "" for name in PACKAGES}
    if missing := {PACKAGES[name] for name, path in found.items() if not path}:
        raise ProgramsMissing(f"Not on the PATH: {', '.join(sorted(missing))} (Debian: apt-get install …).")
    return found


def install() -> dict[str, str]:
    """Find them; as root on Debian, install what is missing, without starting it. Raises ProgramsMissing."""
    try:
        return find()
    except ProgramsMissing:
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise
    packages = sorted(set(PACKAGES.values()))
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        # RUNLEVEL: Debian's packages start their servers on installation, unless it is 1
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        done = subprocess.run(["apt-get", *command], env=environment, capture_output=True, text=True)
        if done.returncode:
            raise ProgramsMissing(f"apt-get {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return find()


if __name__ == "__main__":
    try:
        install()
    except ProgramsMissing as missing:
        sys.exit(str(missing))
