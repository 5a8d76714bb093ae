"""`make fuzz`: schemathesis against a platform of its own; then every invariant must still hold.

    python -m agora.tests.fuzz [--seconds 120] [further options of `schemathesis run`]

Exit 0: no 5xx, every answer as the committed document says, no operation open without its credential, and the audit
finds nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from agora.lib.platform import ROOT
from agora.tests import e2e


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=120, help="of fuzzing and stateful testing; default 120")
    asked, more = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="agora-fuzz-") as home, e2e.running(Path(home)) as platform:
        code = _fuzz(platform, asked.seconds, more)
        violations = platform.violations()
        print(f"audit: {violations or 'every invariant holds'}")  # noqa: T201 - a command
        return code or bool(violations)


def _fuzz(platform: e2e.Platform, seconds: int, more: list[str]) -> int:
    token = json.loads((platform.layout.home / "demo.json").read_text())["api_token"]
    command = [
        *[str(Path(sys.executable).with_name("schemathesis"))],
        *["--config-file", str(ROOT / "agora" / "tests" / "schemathesis.toml")],
        *["run", str(ROOT / "docs" / "openapi.yaml"), "--url", platform.layout.web_url],
        *["--header", f"Authorization: Bearer {token}", "--checks", "all", "--continue-on-failure"],
        *["--max-time", str(seconds), "--request-timeout", "20", "--seed", "1"],
        *more,
    ]
    return subprocess.run(command, cwd=platform.layout.home, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
