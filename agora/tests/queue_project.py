"""The smallest project with a queue, for tests that need real worker processes: settings, tasks, and a command line.

`python -m agora.tests.queue_project worker …` is `manage.py worker …` with these settings, in AGORA_HOME's own server.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from agora.settings import *  # noqa: F403 -- what the queue needs is what the platform has

INSTALLED_APPS = ["django_q"]
DATABASES = {"default": {"ENGINE": "agora.lib.embedded", "NAME": "queue", "CONN_MAX_AGE": 60}}


def write(path: str) -> None:
    Path(path).write_text(str(os.getpid()))


def nap_and_write(seconds: float, path: str) -> None:
    Path(path + ".started").write_text(str(os.getpid()))
    time.sleep(seconds)
    Path(path).write_text(str(os.getpid()))


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "agora.tests.queue_project"
    import django

    django.setup()
    from django.core.management import call_command

    from agora.management.commands.worker import Command

    call_command(Command(), *sys.argv[2:])
