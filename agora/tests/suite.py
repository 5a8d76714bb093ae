"""The whole suite, in parallel (`make test`).

On a busy machine a test that waits for real processes may come too late. Up to `FEW` failures are run again, alone:
what fails twice fails the run; what passes alone is printed as FLAKY, with what it said the first time above it, so
that it gets mended. More than a few failures are never weather.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FEW = 5
TESTS_FAILED = 1  # pytest's own exit codes: 2 and above are interruptions and errors of use
LAST_FAILED = Path(".agora/pytest/v/cache/lastfailed")  # `cache_dir` in pyproject.toml


def main(extra: list[str]) -> int:
    LAST_FAILED.unlink(missing_ok=True)
    code = _pytest("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder", *extra)
    if code == TESTS_FAILED and LAST_FAILED.exists():
        failed = sorted(json.loads(LAST_FAILED.read_text()))
        if len(failed) <= FEW:
            _say(f"{len(failed)} failed: again, alone")
            code = _pytest(*failed)
            if code == 0:
                _say("\n  ".join(["FLAKY, to be mended:", *failed]))
    subprocess.run([sys.executable, "-m", "agora.lib.embedded.server", "stop", ".agora"], check=False)
    return code


def _say(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


def _pytest(*options: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *options], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
