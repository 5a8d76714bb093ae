"""`make chaos`: the options, the exit code. 0 only when nothing was lost, doubled, stuck or left untried."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from agora.tests.chaos.run import Options, Run


def main() -> int:
    asked = _parser().parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10**6)
    options = Options(
        seed=seed,
        orders=asked.orders,
        minutes=asked.minutes,
        clients=asked.clients,
        kill_every=asked.kill_every,
        postgres_every=asked.postgres_every,
        reorg_every=asked.reorg_every,
        rate=asked.rate,
        quiesce=asked.quiesce,
        bug=asked.bug,
        insist=not asked.untried_is_fine,
    )
    with tempfile.TemporaryDirectory(prefix="agora-chaos-") as made:
        home = asked.home or Path(made)
        home.mkdir(parents=True, exist_ok=True)
        return Run(options, home=home, csv=asked.csv).play()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m agora.tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="of everything that is left to chance; printed, random when not given")
    parser.add_argument("--orders", type=int, default=100, help="how many are placed (default 100)")
    parser.add_argument("--minutes", type=float, default=2.5, help="of chaos (default 2.5), up to half as much again")
    parser.add_argument("--clients", type=int, default=4, help="integrators who order side by side (default 4)")
    parser.add_argument("--kill-every", type=_span, default=(0.5, 3.0), metavar="S-S", help="seconds (default 0.5-3)")
    parser.add_argument("--postgres-every", type=_span, default=(12.0, 25.0), metavar="S-S", help="default 12-25")
    parser.add_argument("--reorg-every", type=_span, default=(2.0, 7.0), metavar="S-S", help="default 2-7")
    parser.add_argument("--rate", type=float, default=0.2, help="share of the vendors' calls that fail (default 0.2)")
    parser.add_argument("--quiesce", type=float, default=120.0, help="seconds until all must be done (default 120)")
    parser.add_argument("--csv", type=Path, help="where the table of fault × step goes (default: in the home folder)")
    parser.add_argument("--home", type=Path, help="an empty folder to keep afterwards: logs, books, database")
    parser.add_argument("--untried-is-fine", action="store_true", help="pass though some faults never came up")
    parser.add_argument("--bug", default="", help="with a bug of agora/tests/seeded/bugs.py in our processes")
    return parser


def _span(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    return float(low), float(high or low)


if __name__ == "__main__":
    sys.exit(main())
