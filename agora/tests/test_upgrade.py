"""A new version comes while customers buy: its migration, its processes, another SECRET_KEY. Nothing fails or is lost.

`make drills` runs the same with more orders.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from agora.lib import platform as layouts
from agora.lib.embedded import server
from agora.lib.ready import free_port, http_ready
from agora.tests import e2e
from agora.tests.e2e import Effects
from agora.tests.load import Load

ROOT = Path(__file__).resolve().parents[2]
NEXT = {"DJANGO_SETTINGS_MODULE": "agora.tests.next_release.settings"}
pytestmark = pytest.mark.timeout(900)
LATEST = 180.0  # seconds; ten times what it takes


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[e2e.Platform]:
    with e2e.running(tmp_path_factory.mktemp("upgrade"), **e2e.HASTE, **e2e.OLD_PRICES) as up:
        yield up
        assert up.violations() == []


def _database(platform: e2e.Platform) -> psycopg.Connection:
    where = str(server.socket_directory(platform.layout.home))
    return psycopg.connect(host=where, user=server.SUPERUSER, dbname="agora", autocommit=True)


def _release(platform: e2e.Platform) -> subprocess.Popen[str]:
    env = {**os.environ, **platform.layout.env(), **NEXT, "PYTHONUNBUFFERED": "1"}
    command = [*layouts.MANAGE, "release", "--lock-timeout", "0.3"]
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _all_minted(platform: e2e.Platform, orders: list[str], before: Effects, quantity: str = "0.25") -> None:
    for order_id in orders:
        platform.until_minted(order_id, within=LATEST)
    count = len(orders)
    assert platform.effects() - before == Effects(count, count, count, count, Decimal(quantity) * count)


@pytest.mark.drill
def test_orders_flow_while_the_next_release_migrates_and_waits_for_a_table(platform: e2e.Platform) -> None:
    before = platform.effects()

    with _database(platform) as reader, Load(lambda mine: platform.post(client_order_id=mine)) as load:
        platform.until(load.flows(), within=LATEST)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM orders_order")  # a slow report: ALTER TABLE must wait for it
        release = _release(platform)
        assert release.stdout is not None
        waited = next((line for line in release.stdout if "is in use" in line), "")
        platform.until(load.flows(), within=LATEST)  # behind an ALTER that waits without a limit, these would stand
        reader.execute("COMMIT")
        said = release.communicate(timeout=LATEST)[0]
        platform.until(load.flows(), within=LATEST)

    print(f"migration under load: {load}")  # noqa: T201
    assert waited, said
    assert release.returncode == 0, said
    assert load.failures == []
    with _database(platform) as looking:
        (valid,) = looking.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'drill_note_index'::regclass")
        assert valid == (True,)
    _all_minted(platform, load.orders, before)


@pytest.mark.drill
def test_web_is_restarted_twice_under_load_and_no_request_fails(platform: e2e.Platform) -> None:
    before, port = platform.effects(), free_port()
    env = {**os.environ, **layouts.web_service(platform.layout).env, "WEB_BIND": f"127.0.0.1:{port}"}
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "deploy" / "gunicorn.conf.py"), "--chdir", str(ROOT)]
    web = subprocess.Popen(command, env=env)
    try:
        platform.until(http_ready(f"http://127.0.0.1:{port}/sign-in/"), within=LATEST)
        with Load(lambda mine: platform.post(client_order_id=mine, at=f"http://127.0.0.1:{port}")) as load:
            for _ in range(2):
                platform.until(load.flows(), within=LATEST)
                old = _children(web.pid)
                web.send_signal(signal.SIGHUP)
                platform.until(lambda old=old: not (old & _children(web.pid)), within=LATEST)
            platform.until(load.flows(), within=LATEST)
    finally:
        web.terminate()
        assert web.wait(60) == 0

    print(f"web restarted twice: {load}")  # noqa: T201
    assert load.failures == []
    _all_minted(platform, load.orders, before)


def test_a_stopping_web_process_finishes_the_request_that_it_has(platform: e2e.Platform) -> None:
    before, answers = platform.effects(), []
    web = platform.family("web")[0]
    asking = threading.Thread(target=lambda: answers.append(platform.post()))

    with _database(platform) as holder:
        holder.execute("BEGIN")
        holder.execute("SELECT FROM accounts_limitday FOR UPDATE")
        holder.execute("LOCK TABLE orders_order IN EXCLUSIVE MODE")
        asking.start()
        platform.until(lambda: _waits_for_a_lock(platform), within=LATEST)
        web.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert answers == []
        holder.execute("COMMIT")
    asking.join()

    assert [answer.status_code for answer in answers] == [201]
    platform.until(lambda: e2e.is_dead(web), within=LATEST)
    platform.stop("web")
    platform.start("web")
    _all_minted(platform, [answers[0].json()["order_id"]], before)


def test_a_follower_stops_between_ticks_and_says_that_all_is_well(platform: e2e.Platform) -> None:
    follower = platform.family("follower")[0]
    began = time.monotonic()

    follower.send_signal(signal.SIGTERM)
    platform.until(lambda: e2e.is_dead(follower), within=LATEST)

    print(f"follower stopped in {time.monotonic() - began:.2f} s")  # noqa: T201
    assert platform.exit_code("follower") == 0
    platform.stop("follower")
    platform.start("follower")


@pytest.mark.parametrize("orders", [10, pytest.param(100, marks=pytest.mark.drill)])
def test_no_order_is_lost_when_the_secret_key_changes_under_queued_tasks(platform: e2e.Platform, orders: int) -> None:
    before = platform.effects()
    platform.stop("worker")
    platform.stop("follower")
    queued = [platform.place("0.01") for _ in range(orders)]
    with _database(platform) as looking:
        (waiting,) = looking.execute("SELECT count(*) FROM django_q_ormq").fetchone() or (0,)

    platform.stop("web")
    rotated = {"SECRET_KEY": "another-key-" * 5, "SECRET_KEY_FALLBACKS": "the-last-key-" * 5}
    began = time.monotonic()
    for name in ("worker", "follower", "web"):
        platform.start(name, **rotated)
    _all_minted(platform, queued, before, "0.01")

    print(f"{waiting} tasks unreadable, {orders} orders minted {time.monotonic() - began:.1f} s later")  # noqa: T201
    assert waiting >= orders
    for name in ("worker", "follower", "web"):
        platform.stop(name)
        platform.start(name)


def _waits_for_a_lock(platform: e2e.Platform) -> bool:
    with _database(platform) as looking:
        query = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'agora_web'"
        return looking.execute(query).fetchone() is not None


def _children(pid: int) -> set[int]:
    return {process.pid for process in e2e.psutil.Process(pid).children()}
