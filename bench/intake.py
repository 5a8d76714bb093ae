"""(a) and (b): an order's intake over HTTP, against the same statements alone, and against the blueprint's stack."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from django.db import connection

from agora.lib.embedded import server
from bench import floor, history, servers, stage
from bench.figures import Figure
from bench.processes import cpu_seconds

CLIENTS = (1, 8, 32)
HISTORY = (
    10_000  # orders that are there before: an empty table makes SERIALIZABLE transactions collide for want of pages
)
PART = "intake"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One server under so many clients for a few seconds."""

    requests: int  # that were accepted
    refused: int
    app_ms: float  # CPU a request
    postgres_ms: float
    p50_ms: float
    p95_ms: float

    @property
    def cpu_ms(self) -> float:
        return self.app_ms + self.postgres_ms


def measure(home: Path, base: Path, *, rounds: int, seconds: float, clients: tuple[int, ...] = CLIENTS) -> list[Figure]:
    """Rounds alternate between the two, so that a busy machine is busy for both; medians of rounds are compared."""
    stage.prepare(home)
    stage.empty()
    history.grow(start=0, end=HISTORY)
    connection.close()
    taken: dict[tuple[str, int], list[Round]] = {}
    with ExitStack() as stack:
        ours = stack.enter_context(servers.agora(home))
        peer = stack.enter_context(servers.peer(home, servers.peer_python(base)))
        for one in (ours, peer):
            load(home, one, clients=8, seconds=min(2.0, seconds))  # connections, caches, plans
        for _ in range(rounds):
            for count in clients:
                for one in (ours, peer):
                    taken.setdefault((one.name, count), []).append(load(home, one, clients=count, seconds=seconds))
    ground = floor.measure(home, rounds=rounds, seconds=seconds, clients=8)
    stage.empty()
    return [*_figures(taken, clients), ground]


def load(home: Path, one: servers.Server, *, clients: int, seconds: float) -> Round:
    """The peer may give up on an order, after as many lost races as we would; if we do: RuntimeError."""
    postgres = server.running_pid(home)
    assert postgres is not None
    before = cpu_seconds(one.pid), cpu_seconds(postgres)
    command = [sys.executable, "-m", "bench.load", str(one.port), str(home / "buyers.json")]
    command += ["--clients", str(clients), "--seconds", str(seconds)]
    done = subprocess.run(command, cwd=servers.ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"the load ended: {done.stderr[-2000:]}")
    app, database = cpu_seconds(one.pid) - before[0], cpu_seconds(postgres) - before[1]
    said = json.loads(done.stdout)
    if said["refused"] and one.name == "agora":
        raise RuntimeError(f"{one.name} refused {len(said['refused'])} orders, first: {said['refused'][0]}")
    times = sorted(said["seconds"])
    return Round(
        requests=len(times),
        refused=len(said["refused"]),
        app_ms=1000 * app / len(times),
        postgres_ms=1000 * database / len(times),
        p50_ms=1000 * median(times),
        p95_ms=1000 * times[int(len(times) * 0.95)],
    )


def _figures(taken: dict[tuple[str, int], list[Round]], clients: tuple[int, ...]) -> Iterator[Figure]:
    for count in clients:
        ours, peer = taken["agora", count], taken["peer", count]
        what = f"{count} client" + ("s" if count > 1 else "")
        ratio = median(one.cpu_ms / other.cpu_ms for one, other in zip(ours, peer, strict=True))
        yield Figure(
            part=PART,
            name=f"CPU a request, Agora : FastAPI + SQLAlchemy, {what}",
            value=ratio,
            unit="×",
            at_most=0.7,
            note=f"{_cpu(ours)} : {_cpu(peer)} ms, app + PostgreSQL{_lost(peer)}",
        )
        slower = median(one.p95_ms for one in ours), median(other.p95_ms for other in peer)
        yield Figure(
            part=PART,
            name=f"p95, Agora : FastAPI + SQLAlchemy, {what}",
            value=slower[0] / slower[1],
            unit="×",
            at_most=1.0 if count == 8 else None,
            note=f"p50 {_p50(ours)} : {_p50(peer)} ms, p95 {slower[0]:.1f} : {slower[1]:.1f} ms",
        )


def _cpu(rounds: list[Round]) -> str:
    return f"{median(r.app_ms for r in rounds):.1f} + {median(r.postgres_ms for r in rounds):.1f}"


def _p50(rounds: list[Round]) -> str:
    return f"{median(r.p50_ms for r in rounds):.1f}"


def _lost(rounds: list[Round]) -> str:
    refused = sum(r.refused for r in rounds)
    return f"; the peer gave up on {refused} of {refused + sum(r.requests for r in rounds)}" if refused else ""
