"""A command that stays refuses to start on what its system checks find, though another process runs them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from agora.lib.platform import MANAGE


@pytest.mark.parametrize("command", [["worker"], ["follow"], ["stream"], ["web"], ["run", "worker", "follow"]])
def test_what_the_checks_find_is_printed_and_ends_the_command(command: list[str]) -> None:
    done = subprocess.run(
        [*MANAGE, *command],
        env={
            **os.environ,
            "AGORA_MODE": "paper",
            "SECRET_KEY": "weak",
            "DATABASE_URL": "postgres://nobody@127.0.0.1:1/x",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert "agora.E001" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_checks_leave_none_of_the_pages_behind() -> None:
    look = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'agora.settings'; import django; django.setup(); "
        "from agora.lib.aside import ChecksAside; ChecksAside().check(); sys.exit('agora.urls' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
