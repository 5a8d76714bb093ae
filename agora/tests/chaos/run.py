"""One run: set up, chaos, quiet, verdict."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import requests

from agora.lib import platform
from agora.lib.embedded import server
from agora.lib.supervisor import Supervisor
from agora.tests.chaos import books, judge, table, timing
from agora.tests.chaos.clients import Client, Journal
from agora.tests.chaos.installation import AT_ONCE, PATIENCE, SYMBOLS, Installation
from agora.tests.chaos.monkey import Monkey
from agora.tests.chaos.odd import OddNode
from agora.tests.chaos.reorgs import KINDS, Reorgs, rpc

LOOK_EVERY = 0.05
SAY_EVERY = 10.0
DEEP = 25  # blocks on top of the tokens' creation before the first reorg
OVERTIME = 1.5  # of the minutes, while a cell has not fired or orders are missing
SETTLED = ("SETTLED",)
WITHOUT_FILL = ("REJECTED", "CANCELLED", "EXPIRED")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    seed: int
    orders: int
    minutes: float
    clients: int
    kill_every: tuple[float, float]
    postgres_every: tuple[float, float]
    reorg_every: tuple[float, float]
    rate: float
    quiesce: float
    bug: str = ""
    insist: bool = True  # that every cell fired


class Run:
    def __init__(self, options: Options, *, home: Path, csv: Path | None) -> None:
        self.options = options
        self.installation = Installation(home, bug=options.bug)
        self.csv = csv or home / "chaos.csv"
        self.journal = Journal()
        self.clients: list[Client] = []
        self.problems: list[str] = []
        self.began = time.time()

    def play(self) -> int:
        """The exit code."""
        options, layout = self.options, self.installation.layout
        self._say(f"seed {options.seed}: {options.orders} orders of {options.clients} clients, {options.minutes:g} min")
        with ExitStack() as stack:
            stack.callback(server.stop, layout.home)
            logs = layout.home / "logs"
            outside = stack.enter_context(Supervisor(self.installation.outside(), logs=logs, echo=False))
            self.installation.set_up(clients=options.clients)
            rpc(layout.chain_url, "anvil_mine", hex(DEEP))
            ours = stack.enter_context(Supervisor(self.installation.ours(), logs=logs, echo=False, back_off=AT_ONCE))
            stack.callback(self._dismiss)
            self._say(f"set up; load {os.getloadavg()[0]:.1f}")
            monkey, reorgs = self._chaos(ours, outside)
            took = self._quiesce(ours, outside, reorgs)
            return self._verdict(monkey, reorgs, took)

    # --- chaos ----------------------------------------------------------------------------------------------------
    def _chaos(self, ours: Supervisor, outside: Supervisor) -> tuple[Monkey, Reorgs]:
        options, layout = self.options, self.installation.layout
        monkey = Monkey(
            ours=ours,
            names=tuple(service.name for service in self.installation.ours()),
            layout=layout,
            journal=self.journal,
            dice=random.Random(f"{options.seed} monkey"),
            kill_every=options.kill_every,
            postgres_every=options.postgres_every,
        )
        floor = int(rpc(layout.chain_url, "eth_blockNumber"), 16) - DEEP + 1
        dice = random.Random(f"{options.seed} reorgs")
        reorgs = Reorgs(layout.chain_url, dice, options.reorg_every, floor)
        odd = OddNode(self.installation.nodes["odd"], random.Random(f"{options.seed} odd"), options.minutes * 60 / 8)
        self._start_clients()
        self._start_faults()
        started, end = time.time(), time.time() + options.minutes * 60
        last = end + (OVERTIME - 1) * options.minutes * 60
        said = 0.0
        while time.time() < end or (time.time() < last and self._is_unfinished()):
            ours.check()
            outside.check()
            monkey.turn()
            reorgs.turn()
            odd.turn()
            self._see(reorgs)
            if time.time() - said > SAY_EVERY:
                said = time.time()
                self._progress(monkey, reorgs, time.time() - started)
            time.sleep(LOOK_EVERY)
        monkey.rest()
        self.odd = odd
        return monkey, reorgs

    def _start_clients(self) -> None:
        options, layout = self.options, self.installation.layout
        pause = options.minutes * 60 * 0.9 * options.clients / options.orders
        for number, client in enumerate(self.installation.clients):
            self.clients.append(
                Client(
                    url=layout.web_url,
                    wallet=client["wallet"],
                    token=client["token"],
                    seed=f"{options.seed} client {number}",
                    journal=self.journal,
                    symbols=SYMBOLS,
                    pause=pause,
                )
            )
        for thread in self.clients:
            thread.start()

    def _start_faults(self) -> None:
        options, there = self.options, self.installation
        there.broker.settings(
            faults={"seed": options.seed, "rate": options.rate, "lives": True}, magic=False, fill_delay=0.3
        )
        there.custodian.settings(faults={"seed": options.seed, "rate": options.rate})
        fickle = there.nodes["fickle"]
        deck = [(method, fault) for step, method in table.NODE_STEPS.items() for fault in table.AT_NODE[step]]
        random.Random(f"{options.seed} node").shuffle(deck)
        for method, fault in deck:
            fickle.scenario(match={"method": method}, http=fault)
        mix = dict.fromkeys(table.AT_NODE["send"], 1.0) | {"timeout_before": 0.25, "timeout_after": 0.25}
        fickle.settings(rate=options.rate, mix=mix, timeout_seconds=6.0)

    def _is_unfinished(self) -> bool:
        if len(self.journal.placed) < self.options.orders:
            return True
        return self.options.insist and bool(table.missing(table.fired(self.installation)))

    def _see(self, reorgs: Reorgs) -> None:
        """Whether our database has heard of the latest reorgs: it has the first new block, or one that came instead."""
        for place, reorg in enumerate(reorgs.done):
            if reorg.seen_at is not None:
                continue
            rows = self._ask("SELECT 1 FROM minting_block WHERE number = %s AND hash = %s", reorg.number, reorg.hash)
            # One that a later one took away again before we looked is known when that one is.
            later = [one for one in reorgs.done[place + 1 :] if one.number <= reorg.number and one.seen_at]
            if rows or later:
                reorg.seen_at = time.time()

    # --- quiet ----------------------------------------------------------------------------------------------------
    def _quiesce(self, ours: Supervisor, outside: Supervisor, reorgs: Reorgs) -> float:
        """No more faults; seconds until every order had come to its end."""
        self._say("quiet now: no more faults")
        there, began = self.installation, time.time()
        for client in self.clients:
            client.end()
        there.broker.settings(faults=None)
        there.custodian.settings(faults=None)
        for node in there.nodes.values():
            node.reset()
        said = began
        while time.time() - began < self.options.quiesce:
            ours.check()
            outside.check()
            if not any(client.is_alive() for client in self.clients) and self._pending() == 0:
                return time.time() - began
            self._see(reorgs)
            if time.time() - said > SAY_EVERY:
                said = time.time()
                self._say(f"  {self._pending()} orders under way")
            time.sleep(0.2)
        self.problems.append(f"STUCK: {self._pending()} orders are not done after {self.options.quiesce:g} s of quiet")
        self._dismiss()
        return time.time() - began

    def _pending(self) -> int:
        rows = self._ask(timing.PENDING)
        return int(rows[0][0]) if rows else -1

    def _dismiss(self) -> None:
        for client in self.clients:
            client.end()
            client.give_up()
        for client in self.clients:
            client.join(20)

    # --- verdict --------------------------------------------------------------------------------------------------
    def _verdict(self, monkey: Monkey, reorgs: Reorgs, took: float) -> int:
        there = self.installation
        told = books.read(
            broker=there.home / "alpaca",
            custodian=there.home / "fireblocks",
            chain_url=there.layout.chain_url,
            tokens=there.tokens,
        )
        counts = table.fired(there)
        self.problems += self.journal.problems
        self.problems += judge.findings(
            self.journal.placed, told, cancelled=self.journal.cancelled, undone=reorgs.undone
        )
        self.problems += self._as_customers_see()
        self.problems += self._audit()
        rows = self._rows(monkey, reorgs, counts)
        if self.options.insist:
            self.problems += [f"UNTRIED: {' '.join(cell)} never fired" for *cell, times in rows if not times]
        self._report(monkey, reorgs, took, counts, told)
        table.write(self.csv, rows)
        for problem in self.problems:
            self._say(problem)
        self._say(f"the table: {self.csv}")
        self._say("FAILED" if self.problems else "nothing lost, nothing twice, nothing stuck")
        return 1 if self.problems else 0

    def _as_customers_see(self) -> list[str]:
        found = []
        for placed in self.journal.placed:
            url = f"{self.installation.layout.web_url}/api/v1/orders/{placed.order_id}"
            answer = requests.get(url, headers={"Authorization": f"Bearer {placed.token}"}, timeout=15)
            order = answer.json()
            if order.get("status") not in SETTLED + WITHOUT_FILL:
                found.append(f"STUCK: {placed.order_id} is {order.get('status')}")
        return found

    def _audit(self) -> list[str]:
        try:
            platform.manage(self.installation.layout, "audit", within=PATIENCE)
        except platform.SetupFailed as failed:
            lines = [line for line in str(failed).splitlines() if line.startswith(("FAIL", "     "))]
            return [f"AUDIT: {line}" for line in lines or [str(failed)]]
        stuck = json.loads(platform.manage(self.installation.layout, "stuck", "--older-than", "120", "--json"))
        return [f"STUCK: {row}" for row in stuck]

    def _report(
        self, monkey: Monkey, reorgs: Reorgs, took: float, counts: Counter[table.Cell], told: books.Books
    ) -> None:
        progress = [float(row[0]) for row in self._ask(timing.MOVES)]
        answered = self.journal.answered_at
        by_us = timing.recoveries([kill.at for kill in monkey.kills if kill.service != "web"], progress)
        by_web = timing.recoveries([kill.at for kill in monkey.kills if kill.service == "web"], answered)
        seen = [reorg.seen_at - reorg.at for reorg in reorgs.done if reorg.seen_at is not None]
        filled = sum(order.filled > 0 for order in told.orders)
        kills = Counter(kill.service for kill in monkey.kills)
        minutes = (time.time() - self.began) / 60
        for line in (
            f"seed {self.options.seed}, {minutes:.1f} min in all, load {os.getloadavg()[0]:.1f} at the end",
            f"orders      {len(self.journal.placed)} placed, {filled} filled; answers {dict(self.journal.answers)}",
            f"kills       {len(monkey.kills)} {dict(kills)}; {monkey.spared} spared, being down",
            f"postgres    {len(monkey.stops)} immediate stops",
            f"reorgs      {len(reorgs.done)} {dict(reorgs.fired)}, {reorgs.refused} could not move",
            f"odd node    {dict(self.odd.turns)}, {self.odd.lies().total()} lies {dict(self.odd.lies())}",
            f"faults      {sum(counts.values())} in {len(table.cells())} cells",
            f"kill → progress           {timing.told(by_us)} (worker, follower), {timing.told(by_web)} (web)",
            f"postgres stop → progress  {timing.told(timing.recoveries(monkey.stops, progress))}",
            f"reorg → our state         {timing.told(seen)}; {len(reorgs.undone)} reverts taken away",
            f"quiet → all done          {took:.1f} s",
        ):
            self._say(line)

    def _rows(self, monkey: Monkey, reorgs: Reorgs, counts: Counter[table.Cell]) -> Sequence[tuple[str, str, str, int]]:
        rows = [(*cell, counts[cell]) for cell in table.cells()]
        killed = Counter((kill.service, kill.what) for kill in monkey.kills)
        rows += [("ours", service, f"SIGKILL {what}", times) for (service, what), times in sorted(killed.items())]
        rows += [("ours", "postgres", "immediate stop", len(monkey.stops))]
        rows += [("node", "odd", "lag", self.odd.turns["lag"]), ("node", "odd", "lie", self.odd.lies().total())]
        rows += [("node", "odd", f"lie {kind}", times) for kind, times in sorted(self.odd.lies().items())]
        rows += [("chain", "reorg", name, reorgs.fired[name]) for name in KINDS]
        return rows

    # --- looking --------------------------------------------------------------------------------------------------
    def _ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of our database; none while it is down."""
        try:
            with psycopg.connect(
                host=str(server.socket_directory(self.installation.home)), user="agora", dbname="agora", autocommit=True
            ) as connection:
                return connection.execute(sql, values).fetchall()
        except psycopg.OperationalError:
            return []

    def _progress(self, monkey: Monkey, reorgs: Reorgs, seconds: float) -> None:
        untried = len(table.missing(table.fired(self.installation)))
        self._say(
            f"  {seconds:4.0f} s: {len(self.journal.placed)} orders placed, {self._pending()} under way; "
            f"{len(monkey.kills)} kills, {len(monkey.stops)} stops of PostgreSQL, {len(reorgs.done)} reorgs; "
            f"{untried} cells to come"
        )

    _say: Callable[[Any, str], None] = staticmethod(lambda text: print(text, file=sys.stdout, flush=True))  # noqa: T201
