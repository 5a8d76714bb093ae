"""Three hosts on one PostgreSQL, and one is cut off while customers buy: `make hosts`, as root.

It is the host whose follower holds most loops. Nothing is lost, nothing is done twice, and the others take its locks.
"""

from __future__ import annotations

import itertools
import os
import shutil
import time
import uuid
from contextlib import AbstractContextManager, ExitStack
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
import requests

from agora.database_roles import APP, OWNER, WEB
from agora.lib import locks
from agora.lib.supervisor import Supervisor
from agora.management.commands.follow import all_loops
from agora.tests import e2e, hosts
from agora.tests.e2e import Effects
from agora.tests.hosts import Host
from agora.tests.postgres import Postgres

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and iproute2"),
]
LATEST = 600.0
ORDERS = 12  # before, during and after the cut, each


class Rig:
    """The installation: its outside, its database, and customers who try another host when one does not answer."""

    def __init__(self, platform: e2e.Platform, postgres: Postgres, machines: list[Host]) -> None:
        self.platform, self.postgres, self.machines = platform, postgres, machines
        self.orders: dict[str, str] = {}  # by the customer's own id
        self.retries = 0

    def buy(self, count: int, at: list[Host]) -> None:
        """So many orders, each at the next host; one that a host does not answer is sent to another, under its id."""
        turn = itertools.cycle(at)
        for _ in range(count):
            mine = str(uuid.uuid4())
            while mine not in self.orders:
                try:
                    answer = self.platform.post("0.01", client_order_id=mine, at=next(turn).url, timeout=(1, 8))
                except requests.RequestException:
                    self.retries += 1
                    continue
                assert answer.status_code in (200, 201), answer.text
                self.orders[mine] = answer.json()["order_id"]

    def holders(self) -> dict[str, str]:
        """Loop → the address of the host that holds its advisory lock."""
        names = {locks.key("loop", loop.name): loop.name for loop in all_loops()}
        query = (
            "SELECT (l.classid::bigint << 32) | l.objid::bigint, host(a.client_addr) FROM pg_locks l "
            "JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
        )
        with self.postgres.connect() as connection:
            found = connection.execute(query).fetchall()
        return {names[number]: address for number, address in found if number in names}

    def minted(self) -> int:
        with self.postgres.connect() as connection:
            query = "SELECT count(*) FROM orders_order WHERE status IN ('MINT_CONFIRMED', 'SETTLED')"
            (count,) = connection.execute(query).fetchone() or (0,)
        return int(count)


def test_a_host_that_is_cut_off_loses_nothing_and_keeps_nothing(tmp_path: Path) -> None:
    with ExitStack() as stack:
        machines = stack.enter_context(hosts.three_hosts())
        postgres = _database(stack, tmp_path)
        url = postgres.url(OWNER)
        platform = stack.enter_context(_outside(tmp_path / "home", url))
        layout = platform.layout
        stack.enter_context(hosts.relayed([layout.broker_port, layout.custodian_port, layout.chain_port]))
        urls = {"app_url": postgres.url(APP.name), "web_url": postgres.url(WEB.name)}
        services = [service for machine in machines for service in machine.services(layout, **urls)]
        running = stack.enter_context(Supervisor(services, logs=layout.home / "logs", echo=False))
        rig = Rig(platform, postgres, machines)
        before = platform.effects()

        rig.buy(ORDERS, machines)
        platform.until(lambda: len(rig.holders()) == len(all_loops()), within=LATEST)
        held = rig.holders()
        lost = max(machines, key=lambda machine: list(held.values()).count(machine.address))
        others = [machine for machine in machines if machine is not lost]
        pids = {service.name: running.pid_of(service.name) for service in services}
        lost.cut()
        cut_at = time.monotonic()
        rig.buy(ORDERS, machines)  # some are sent to the host that is gone
        released = _seconds_until(platform, lambda: lost.address not in rig.holders().values(), cut_at)
        taken = _seconds_until(platform, lambda: _all_held_by(rig, others), cut_at)
        platform.until(lambda: rig.minted() >= len(rig.orders), within=LATEST)
        minted_in = time.monotonic() - cut_at

        lost.mend()
        mended_at = time.monotonic()
        back = _seconds_until(platform, hosts.http_ready(f"{lost.url}/sign-in/"), mended_at)
        rig.buy(ORDERS, [lost])
        platform.until(lambda: rig.minted() >= len(rig.orders), within=LATEST)

        count = len(rig.orders)
        print(  # noqa: T201
            f"{lost.name} held {list(held.values()).count(lost.address)} of {len(held)} loops; cut off: its locks were "
            f"free after {released:.1f} s, all loops with others after {taken:.1f} s, every order minted after "
            f"{minted_in:.1f} s; {rig.retries} requests went to another host; mended: it answers after {back:.1f} s"
        )
        assert count == 3 * ORDERS
        assert platform.effects() - before == Effects(count, count, count, count, Decimal("0.01") * count)
        assert platform.violations() == []
        running.check()
        assert {service.name: running.pid_of(service.name) for service in services} == pids  # nobody had to start anew


def _database(stack: ExitStack, folder: Path) -> Postgres:
    postgres = Postgres(folder / "data", host=hosts.OUTSIDE, superuser="postgres")
    postgres.initialise()
    postgres.start()
    stack.callback(postgres.stop)
    with psycopg.connect(postgres.url(database="postgres"), autocommit=True) as connection:
        for role in (OWNER, APP.name, WEB.name):
            connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute("CREATE ROLE agora_readonly LOGIN")
        connection.execute(f"CREATE DATABASE agora OWNER {OWNER} TEMPLATE template0")
    postgres.give_passwords(OWNER, APP.name, WEB.name)
    return postgres


def _outside(home: Path, url: str) -> AbstractContextManager[e2e.Platform]:
    """Vendors, chain and signer, and the database set up by its owner.

    The signer's socket is a file: a host that is cut off could still reach it. It can broadcast nothing, though.
    """
    return e2e.running(home, ours=("signer",), prepare=("release",), DATABASE_URL=url, **e2e.HASTE, **e2e.OLD_PRICES)


def _seconds_until(platform: e2e.Platform, condition: object, since: float) -> float:
    platform.until(condition, within=LATEST)  # type: ignore[arg-type]
    return time.monotonic() - since


def _all_held_by(rig: Rig, others: list[Host]) -> bool:
    held = rig.holders()
    return len(held) == len(all_loops()) and set(held.values()) <= {machine.address for machine in others}
