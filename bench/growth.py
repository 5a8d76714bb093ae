"""(d): what gets slower as orders pile up: intake, the sweep, the watcher's look, pages; and audit and report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import requests
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from accounts.services import seal_audit_log
from agora.lib import anvil
from agora.lib.invariants import check
from agora.management.commands import audit, follow
from bench import history, stage
from bench.figures import Figure
from custody.selectors import completed_total
from minting.chains import get_chain
from minting.chains.evm.chain import EvmChain
from minting.models import Block
from minting.selectors import minted_by_records
from minting.services import watch_chain_once
from orders.models import Order
from orders.selectors import fill_book, orders_of, unsettled_with_broker
from orders.services import place_order
from reserves.merkle import Subject, build_plain_tree, build_sum_tree

PART = "growth"
REPEATS = 60
FLAT = ("intake", "sweep", "watcher's look", "broker list's look", "order page", "list of orders")
_HOLDERS = "SELECT recipient, sum(amount_wei) FROM minting_minttx WHERE status = 'FINALIZED' GROUP BY recipient"


def measure(home: Path, *, sizes: tuple[int, ...]) -> list[Figure]:
    """In process, without HTTP: the database's share is what can grow. RuntimeError if the audit finds anything."""
    buyers = stage.prepare(home)
    stage.empty()
    taken: dict[int, dict[str, float]] = {}
    with _chain() as mine:
        stored = 0
        for size in sizes:
            started = time.monotonic()
            history.grow(start=stored, end=size)
            stored, loaded = size, time.monotonic() - started
            taken[size] = {"load": loaded, **_steady(buyers, mine), "audit": _audit(), "report": _report()}
    stage.empty()
    return list(_figures(taken, sizes))


def _steady(buyers: list[stage.Buyer], mine: Callable[[], None]) -> dict[str, float]:
    """Milliseconds of what should not care, medians."""
    customers = [get_user_model().objects.get(customer=buyer.customer_id).customer for buyer in buyers[:20]]
    user, browser = customers[0].user, Client(SERVER_NAME="localhost")
    browser.force_login(user)
    page = f"/orders/{orders_of(user=user).values_list('pk', flat=True)[0]}/"
    turn = iter(range(10**9))

    def buy() -> None:
        n = next(turn) % len(customers)
        place_order(
            customer=customers[n],
            symbol="AAPL",
            quantity=Decimal("0.25"),
            recipient=buyers[n].wallet,
            client_order_id=str(uuid4()),
            now=timezone.now(),
        )

    def look() -> None:
        mine()
        watch_chain_once(now=timezone.now())

    intake = _ms(buy)
    later = timezone.now() + timedelta(days=1)
    Order.objects.filter(status="PENDING").update(next_attempt_at=later)  # the sweep's usual look finds nothing due
    return {
        "intake": intake,
        "sweep": _ms(lambda: follow.sweep(now=timezone.now())),
        "watcher's look": _ms(look),
        "broker list's look": _ms(unsettled_with_broker),
        "order page": _ms(lambda: _shown(browser, page)),
        "list of orders": _ms(lambda: _shown(browser, "/orders/")),
    }


def _shown(browser: Client, page: str) -> None:
    answer = browser.get(page)
    assert answer.status_code == 200, (page, answer.status_code)


def _ms(step: Callable[[], Any]) -> float:
    for _ in range(8):
        step()
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - started))
    return median(times)


def _audit() -> float:
    """Seconds for every invariant of `manage.py audit`."""
    seal_audit_log(now=timezone.now())  # as the follower does, every few seconds
    started = time.monotonic()
    wrong = [verdict for verdict in map(check, audit.all_invariants()) if not verdict.holds]
    if wrong:
        raise RuntimeError(f"the audit does not hold: {wrong[0].name}: {wrong[0].violations[:2]}")
    return time.monotonic() - started


def _report() -> float:
    """Seconds for a reserve report's own work: the books, who holds what, and both trees over them."""
    started = time.monotonic()
    figures = fill_book(symbol="AAPL"), completed_total(symbol="AAPL"), minted_by_records(symbol="AAPL", block_number=0)
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS)
        holders = [(bytes.fromhex(address[2:]), int(wei)) for address, wei in cursor.fetchall()]
    subject = Subject(asset="AAPL", chain_id=31337, contract=b"\xbb" * 20, block_number=0, block_hash=b"\x22" * 32)
    tree = build_sum_tree(subject=subject, holders=holders, secret=b"\x01" * 32)
    build_plain_tree(holders)
    assert tree.total == figures[2] * 10**18
    return time.monotonic() - started


@contextmanager
def _chain() -> Iterator[Callable[[], None]]:
    """A chain for the watcher; the way to make one block of it."""
    with anvil.running(block_time=None) as url, override_settings(CHAIN_RPC_URLS=[url]):
        get_chain.cache_clear()
        chain = get_chain()
        assert isinstance(chain, EvmChain)
        Block.objects.all().delete()
        _rpc(url, "anvil_setCode", history.CONTRACT, history.CODE)  # a node without our contracts is not believed
        yield lambda: _rpc(url, "evm_mine")
        Block.objects.all().delete()
        get_chain.cache_clear()


def _rpc(url: str, method: str, *params: str) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    requests.post(url, json=request, timeout=10).raise_for_status()


def _figures(taken: dict[int, dict[str, float]], sizes: tuple[int, ...]) -> Iterator[Figure]:
    small, large = sizes[0], sizes[-1]
    for name in FLAT:
        steps = ", ".join(f"{taken[size][name]:.2f}" for size in sizes)
        yield Figure(
            part=PART,
            name=f"{name}, {large:,} orders : {small:,}",
            value=taken[large][name] / taken[small][name],
            unit="×",
            at_most=1.2,
            note=f"{steps} ms at {', '.join(f'{size:,}' for size in sizes)}",
        )
    seconds = ", ".join(f"{taken[size]['audit']:.1f}" for size in sizes)
    limit = 120 * large / 1_000_000
    yield Figure(
        part=PART,
        name=f"audit of {large:,} orders",
        value=taken[large]["audit"],
        unit="s",
        at_most=max(limit, 5.0),
        note=f"{seconds} s; the target is 120 s for a million, in proportion",
    )
    yield Figure(
        part=PART,
        name=f"reserve report on {large:,} orders",
        value=taken[large]["report"],
        unit="s",
        at_most=30.0,
        note=f"{large // history.PER_CUSTOMER:,} holders; loading them took {taken[large]['load']:.0f} s",
    )
