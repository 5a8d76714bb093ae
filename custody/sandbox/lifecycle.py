"""The sandbox's clock: takes each transaction's next step and each webhook when they are due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp

from custody.sandbox import transactions, webhooks
from custody.sandbox.store import Store

LONGEST_NAP = 5.0  # seconds


class Runner:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._steps_changed = asyncio.Event()
        self._webhooks_changed = asyncio.Event()

    def wake(self) -> None:
        """Something was written: look again at what is due."""
        self._steps_changed.set()
        self._webhooks_changed.set()

    async def run(self) -> None:
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(
                self._loop("transactions", self._steps_changed, self._take_steps),
                self._loop("webhooks", self._webhooks_changed, lambda: webhooks.deliver_due(self._store, session)),
            )

    async def _take_steps(self) -> None:
        due = "SELECT id FROM transactions WHERE next_at <= ? ORDER BY next_at LIMIT 100"
        for row in self._store.all(due, time.time()):
            transactions.advance(self._store, row["id"])
        self._webhooks_changed.set()

    async def _loop(self, table: str, changed: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            changed.clear()
            row = self._store.one(f"SELECT MIN(next_at) AS next_at FROM {table}")  # noqa: S608  our own constant
            next_at = row["next_at"] if row else None
            nap = LONGEST_NAP if next_at is None else min(next_at - time.time(), LONGEST_NAP)
            if nap <= 0:
                await work()
                await asyncio.sleep(0)  # requests go first
                continue
            try:
                await asyncio.wait_for(changed.wait(), nap)
            except TimeoutError:
                continue
