"""`make bench`: measure, print each figure beside its target, write bench/results.json.

    python -m bench [--quick] [--only intake,settling,…] [--million] [--home DIR]

Exit 0 when every part ran, whatever it measured: a target that is missed is printed as MISSED. Exit 1 when one failed.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("intake", "queue", "settling", "growth", "tree", "gas")

if TYPE_CHECKING:
    from bench.figures import Figure


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small rounds: minutes, and rougher figures")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument(
        "--million", action="store_true", help="growth up to a million orders: 10 minutes more, 12 GB of disk"
    )
    base = Path(os.environ.get("AGORA_HOME", ROOT / ".agora"))
    parser.add_argument(
        "--home", type=Path, default=base / "bench", help="emptied first and afterwards; default %(default)s"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results.json")
    asked = parser.parse_args()
    chosen = asked.only.split(",")
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    home: Path = asked.home.resolve()
    _set_up_django(home)
    return _run(home, base.resolve(), chosen, asked)


def _set_up_django(home: Path) -> None:
    from bench.servers import STAY_GOOD  # needs no settings

    os.environ.update({"DJANGO_SETTINGS_MODULE": "agora.settings", "AGORA_HOME": str(home), "LOG_LEVEL": "ERROR"})
    os.environ.update({"AGORA_MODE": "sandbox", "DATABASE_URL": "", "CHAIN_ID": "31337", **STAY_GOOD})
    import django

    django.setup()


def _run(home: Path, base: Path, chosen: list[str], asked: argparse.Namespace) -> int:
    from agora.lib.embedded import server
    from bench import figures

    taken: list[Figure] = []
    failed: dict[str, str] = {}
    started, before = time.time(), os.getloadavg()
    for part, measure in _parts(home, base, quick=asked.quick, million=asked.million).items():
        if part not in chosen:
            continue
        since = time.monotonic()
        _say(f"{part} …")
        try:
            taken += measure()
        except Exception as problem:  # noqa: BLE001 - the other parts are measured all the same, and the exit code says it
            failed[part] = f"{type(problem).__name__}: {problem}"
            traceback.print_exc()
        _say(f"{part}: {time.monotonic() - since:.0f} s")
    server.stop(home)
    shutil.rmtree(home, ignore_errors=True)
    conditions = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "load_before": before,
        "load_after": os.getloadavg(),
        "quick": asked.quick,
    }
    figures.write_results(asked.out, figures=taken, failed=failed, conditions=conditions)
    sys.stdout.write(f"\n{figures.table(taken)}\n\n")
    missed = sum(figure.verdict == "MISSED" for figure in taken)
    sys.stdout.write(
        f"{len(taken)} figures, {missed} targets missed, in {conditions['seconds']} s; load {before[0]:.1f} → "
    )
    sys.stdout.write(f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores. Written to {asked.out}\n")
    for part, problem in failed.items():
        sys.stdout.write(f"FAILED TO RUN {part}: {problem}\n")
    return 1 if failed else 0


def _parts(home: Path, base: Path, *, quick: bool, million: bool) -> dict[str, Callable[[], list[Figure]]]:
    from bench import gas, growth, intake, queues, settling, trees

    sizes = (1_000, 10_000) if quick else (1_000, 100_000)
    return {
        "intake": lambda: intake.measure(_fresh(home), base, rounds=1 if quick else 5, seconds=2.0 if quick else 4.0),
        "queue": lambda: queues.measure(_fresh(home), base, tasks=500 if quick else 3000, pings=30 if quick else 200),
        "settling": lambda: [
            *settling.measure_latency(home / "one-by-one", orders=5 if quick else 30),
            *settling.measure_throughput(home / "at-once", orders=40 if quick else 400),
            *settling.measure_small_profile(home / "small", orders=20 if quick else 100),
        ],
        "growth": lambda: growth.measure(_fresh(home), sizes=(*sizes, 1_000_000) if million else sizes),
        "tree": lambda: trees.measure(
            _fresh(home), holders=10_000 if quick else 100_000, many=0 if quick else 1_000_000
        ),
        "gas": gas.measure,
    }


def _fresh(home: Path) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    return home


def _say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
