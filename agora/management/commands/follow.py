"""`manage.py follow`: the loops that follow the outside world. As many may run as you like: the second stands by."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils import timezone

from accounts.services import follow_webhooks, seal_audit_log, sweep_customers
from agora.lib import log, loops, rows
from agora.lib.aside import ChecksAside
from agora.lib.doorbell import queue_delay
from custody.services import sweep_custody
from minting.selectors import mints_under_way
from minting.services import follow_chain, sweep_mints, sweep_switches, verify_chain
from orders.services import (
    evaluate_rules,
    follow_trade_updates,
    list_at_broker,
    refresh_clock,
    refresh_prices,
    refresh_rates,
    sweep_orders,
    watch_corporate_actions,
)
from reserves.services import EVERY, attend_reports, keep_attested, refresh, watch_budgets

logger = log.get(__name__)


def sweep(*, now: datetime) -> None:
    """What one app's sweep meets keeps no other app's rows waiting."""
    sweeps = [sweep_customers, sweep_orders, sweep_custody, sweep_mints, sweep_switches]
    rows.each(sweeps, lambda one: one(now=now), name="sweep", hold=_say_that_it_fails)


def _say_that_it_fails(one: Callable[..., int], trouble: rows.Trouble) -> None:
    """Each time: nothing of that app is nudged until somebody mends it."""
    logger.error("sweep fails", sweep=one.__name__, trouble=str(trouble))


class Sweep:
    """Sweeps, but hardly while the queue is behind: what stands still then waits for its turn, and saying so once more
    makes the queue longer. Now and then all the same: a task may have been lost."""

    SELDOM = timedelta(seconds=60)

    def __init__(self) -> None:
        self._last: datetime | None = None

    def turn(self, *, now: datetime) -> None:
        behind = queue_delay(now=now) > settings.NUDGE_AFTER / 2
        if behind and self._last and now - self._last < self.SELDOM:
            return
        self._last = now
        sweep(now=now)


def pause_of_chain() -> float:
    """Customers wait for a mint that is on its way: the chain is asked more often while there is one."""
    return settings.CHAIN_POLL_BUSY if mints_under_way() else settings.CHAIN_POLL_EVERY


def follow_market(*, now: datetime) -> None:
    refresh_clock(now=now)  # first: whether a price is old depends on it
    refresh_prices(now=now)


def _at_now(step: Callable[..., Any]) -> Callable[[threading.Event], None]:
    return lambda stop: step(now=timezone.now())


def all_loops() -> list[loops.Loop]:
    return [
        loops.Loop("trade-stream", 0.0, lambda stop: follow_trade_updates(stop=stop)),
        loops.Loop("broker-list", settings.BROKER_LIST_EVERY, _at_now(list_at_broker)),
        loops.Loop("chain", pause_of_chain, _at_now(follow_chain)),
        loops.Loop("sweep", settings.SWEEP_EVERY, _at_now(Sweep().turn)),
        loops.Loop("prices", settings.PRICES_EVERY, _at_now(follow_market)),
        loops.Loop("corporate-actions", 60.0, _at_now(watch_corporate_actions)),  # asks once in its EVERY
        loops.Loop("rates", 60.0, _at_now(refresh_rates)),  # asks once in RATES_EVERY, again in a minute if in vain
        loops.Loop("monitor", 60.0, _at_now(evaluate_rules)),
        loops.Loop("webhooks", 0.0, lambda stop: follow_webhooks(stop=stop)),
        loops.Loop("attest", settings.RESERVE_POLL_EVERY, _at_now(keep_attested)),
        loops.Loop("reports", 1.0, _at_now(attend_reports)),
        loops.Loop("reconcile", 60.0, lambda stop: refresh(now=timezone.now(), fresh=EVERY)),
        loops.Loop("budgets", settings.BUDGETS_EVERY, _at_now(watch_budgets)),
        loops.Loop("audit-seal", settings.AUDIT_SEAL_EVERY, _at_now(seal_audit_log)),
    ]


class Command(ChecksAside):
    help = "Follow the broker and the chain, and nudge what stands still, until SIGTERM or SIGINT."

    def add_arguments(self, parser: CommandParser) -> None:
        names = [loop.name for loop in all_loops()]
        parser.add_argument("--only", nargs="+", choices=names, default=names, help="some of the loops; default all")
        parser.add_argument("--ready-file", type=Path, help="touched once the loops turn")

    def handle(self, *args: Any, **options: Any) -> None:
        verify_chain()
        chosen = [loop for loop in all_loops() if loop.name in options["only"]]
        sys.exit(loops.run(chosen, ready_file=options["ready_file"]))
