"""(c) and (e): orders from the API to the chain against sandboxes and anvil, and what all of our processes hold."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import requests

from agora.lib import platform
from agora.lib.embedded import server
from agora.lib.supervisor import Supervisor
from agora.tests import e2e
from bench.figures import Figure
from bench.processes import cpu_seconds, family, pss_mib
from bench.servers import STAY_GOOD
from bench.waiting import until

BLOCK_TIME = 2  # seconds, as on Base
PAGE_ASKS_EVERY = 0.7  # seconds: templates/static/live.js
BUYERS = 8

# Every order's times, said by our own rows: placed, filled, in the mempool, confirmed, settled.
_TIMES = """
import json
from orders.models import Order, OrderEvent
from minting.models import MintEvent
told = {str(pk): {"PLACED": at.isoformat()} for pk, at in Order.objects.values_list("pk", "created_at")}
for pk, status, at in OrderEvent.objects.order_by("at").values_list("order_id", "to_status", "at"):
    told[str(pk)][status] = at.isoformat()
for pk, status, at in MintEvent.objects.order_by("at").values_list("mint__order_id", "to_status", "at"):
    told[str(pk)]["mint." + status] = at.isoformat()
print(json.dumps(told))
"""


def measure_latency(home: Path, *, orders: int) -> list[Figure]:
    """One order at a time, on a chain that makes a block as soon as a transaction comes: what is left is ours, and the
    sandboxes' own delays (a transfer 0.2 s, a signature 0.04 s)."""
    with _running(home, block_time=None) as up:
        ids: list[str] = []
        for _ in range(orders):
            ids.append(up.place("0.25"))
            up.until_minted(ids[-1], within=60)
        told = _times(up)
        browser = _signed_in(up)
        shown = [_seconds_until_shown(up, browser, up.place("0.25")) for _ in range(min(orders, 10))]
        assert up.violations() == []
    waits = [_between(told[one], "FILLED", "MINT_CONFIRMED") for one in ids]
    steps = ["FILLED", "CUSTODY_CONFIRMED", "mint.SIMULATED", "mint.SIGNED", "mint.SENT", "MINT_CONFIRMED"]
    parts = [
        f"{after.removeprefix('mint.').lower()} {median(_between(told[one], before, after) for one in ids):.2f}"
        for before, after in pairwise(steps)
    ]
    return [
        Figure(
            part="settling",
            name="fill → mint confirmed, median",
            value=median(waits),
            unit="s",
            at_most=0.5,
            note=f"of {orders} orders, one by one, without a block's wait: {', '.join(parts)}",
        ),
        Figure(part="settling", name="fill → mint confirmed, p95", value=_p95(waits), unit="s", at_most=1.0),
        Figure(
            part="settling",
            name="12th block → shown as settled",
            value=_p95(shown) + PAGE_ASKS_EVERY,
            unit="s",
            at_most=1.0,
            note=f"p95 {_p95(shown):.2f} s until the server says so, and the page's own {PAGE_ASKS_EVERY} s at most",
        ),
    ]


def measure_throughput(home: Path, *, orders: int) -> list[Figure]:
    """Orders at once, on a chain with two-second blocks, each of our processes by itself."""
    with _running(home, block_time=BLOCK_TIME) as up:
        stream = Supervisor([platform.stream_service(up.layout)], logs=up.layout.home / "logs", echo=False)
        with stream:
            before = _cpu(up)
            ids, placed = _settle(up, orders)
            used = {name: 1000 * (after - before[name]) / orders for name, after in _cpu(up).items()}
            memory = _memory(up, {"stream": stream.pid_of("stream")})
        told = _times(up)
        assert up.violations() == []
    first = min(datetime.fromisoformat(told[one]["PLACED"]) for one in ids)
    last = max(datetime.fromisoformat(told[one]["MINT_CONFIRMED"]) for one in ids)
    settled = max(datetime.fromisoformat(told[one]["SETTLED"]) for one in ids)
    took, until_settled = (last - first).total_seconds(), (settled - first).total_seconds()
    return [
        Figure(
            part="settling",
            name="orders through to a mint in a block, a second",
            value=orders / took,
            unit="/s",
            at_least=20.0,
            note=f"{orders} orders: placed in {placed:.1f} s, minted in {took:.1f} s, under 12 blocks in "
            f"{until_settled:.1f} s; sandboxes and anvil on the same cores",
        ),
        Figure(
            part="settling",
            name="CPU an order, from the API to settled",
            value=sum(used.values()),
            unit="ms",
            note=", ".join(f"{name} {ms:.0f}" for name, ms in used.items()),
        ),
        Figure(part="memory", name="a process each", value=sum(memory.values()), unit="MiB", note=_said(memory)),
    ]


def measure_small_profile(home: Path, *, orders: int) -> list[Figure]:
    """The same work by two families and the signer (`agora-small.target`), and what they hold at the end of it."""
    with _running(home, block_time=BLOCK_TIME, ours=e2e.SMALL_PROFILE) as up:
        _settle(up, orders)
        held = _memory(up, {})
        outside = {name: pss_mib(process.pid for process in up.family(name)) for name in e2e.OUTSIDE}
        assert up.violations() == []
    ours, all_of_it = sum(held.values()), sum(held.values()) + sum(outside.values())
    return [
        Figure(part="memory", name="small profile", value=ours, unit="MiB", at_most=450.0, note=_said(held)),
        Figure(
            part="memory",
            name="with sandboxes and chain",
            value=all_of_it,
            unit="MiB",
            at_most=1024.0,
            note=_said(outside),
        ),
    ]


def _settle(up: e2e.Platform, orders: int) -> tuple[list[str], float]:
    """Place them all at once and wait until they are settled; their ids, and the seconds that placing took."""
    with ThreadPoolExecutor(BUYERS) as buyers:
        started = time.monotonic()
        ids = list(buyers.map(lambda _: up.place("0.01"), range(orders)))
        placed = time.monotonic() - started
    until(lambda: _count(up, "MINT_CONFIRMED") >= orders, within=60 + orders, what="all minted")
    until(lambda: _count(up, "SETTLED") >= orders, within=120 + orders, what="all settled")
    return ids, placed


@contextmanager
def _running(home: Path, *, block_time: int | None, ours: Sequence[str] = e2e.OURS) -> Iterator[e2e.Platform]:
    server.stop(home)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    # Setting up may take longer than a price stays good; the follower's own come soon enough.
    with e2e.running(home, block_time=block_time, ours=ours, **STAY_GOOD) as up:
        yield up


def _cpu(up: e2e.Platform) -> dict[str, float]:
    """CPU seconds of each process family so far."""
    postgres = server.running_pid(up.layout.home)
    assert postgres is not None
    return {name: cpu_seconds(pid) for name, pid in {**up.pids(), "PostgreSQL": postgres}.items()}


def _memory(up: e2e.Platform, others: dict[str, int]) -> dict[str, float]:
    """Proportional set sizes of all of ours, by name, in MiB; `others`: heads of families that `up` did not start."""
    postgres = server.running_pid(up.layout.home)
    assert postgres is not None
    heads = {**up.pids(), **others, "PostgreSQL": postgres}
    return {
        name: pss_mib(process.pid for process in family(pid)) for name, pid in heads.items() if name not in e2e.OUTSIDE
    }


def _said(held: dict[str, float]) -> str:
    return ", ".join(f"{name} {mib:.0f}" for name, mib in held.items())


def _seconds_until_shown(up: e2e.Platform, browser: requests.Session, order_id: str) -> float:
    """From the block that makes it twelve to the page's fragment that says so."""
    up.until_minted(order_id, within=60)
    up.chain.mine(11)
    url, started = f"{up.layout.web_url}/orders/{order_id}/progress/", time.monotonic()
    until(lambda: "and settled" in browser.get(url, timeout=10).text, within=60, what="the page says settled")
    return time.monotonic() - started


def _signed_in(up: e2e.Platform) -> requests.Session:
    """A browser of the demo customer."""
    browser = requests.Session()
    demo = json.loads((up.layout.home / "demo.json").read_text())
    url = f"{up.layout.web_url}/sign-in/"
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.get(url, timeout=10).text)
    assert token is not None
    fields = {"username": "demo", "password": demo["passwords"]["demo"], "csrfmiddlewaretoken": token[1]}
    answer = browser.post(url, data=fields, headers={"Referer": url}, timeout=10)
    assert answer.url.endswith("/dashboard/"), answer.url
    return browser


def _count(up: e2e.Platform, status: str) -> int:
    time.sleep(0.5)  # a look costs the machine that is measured
    reached = f"OrderEvent.objects.filter(to_status='{status}').values('order_id').distinct().count()"
    return int(up.python(f"from orders.models import OrderEvent; print({reached})"))


def _times(up: e2e.Platform) -> dict[str, dict[str, str]]:
    told: dict[str, Any] = json.loads(up.python(_TIMES))
    return told


def _between(times: dict[str, str], before: str, after: str) -> float:
    return (datetime.fromisoformat(times[after]) - datetime.fromisoformat(times[before])).total_seconds()


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
