"""The sandbox as a process: it forgets nothing when it is killed, and outlives nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from decimal import Decimal

import pytest
import requests

from agora.lib.errors import Uncertain
from custody.custodians.base import TransferPhase
from custody.custodians.fireblocks import FireblocksCustodian
from custody.sandbox.process import ROOT, running

ASSET = "AAPL_RAT"
PARENT = """
import sys, time
from pathlib import Path
from custody.sandbox.process import Sandbox
sandbox = Sandbox(Path(sys.argv[1]))
sandbox.start()
print(sandbox.url, flush=True)
time.sleep(60)
"""


def until(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_up(url):
    try:
        return requests.get(url + "/.well-known/jwks.json", timeout=1).ok
    except requests.ConnectionError:
        return False


def test_killed_sandbox_goes_on_where_it_was(tmp_path):
    with running(tmp_path) as own:
        custodian = FireblocksCustodian(
            api_key=own.api_key,
            private_key_pem=own.private_key_file.read_text(),
            url=own.url,
            jwks_url=own.jwks_url,
        )
        vaults = [custodian.ensure_vault_account(name=name, asset_id=ASSET) for name in ("agora-settlement-inbox", "c")]
        own.control.settings(transfer_seconds=0.6)
        order = {
            "external_tx_id": "survivor",
            "asset_id": ASSET,
            "quantity": Decimal("0.25"),
            "source_id": vaults[0],
            "destination_id": vaults[1],
            "note": "",
        }
        started = custodian.transfer(**order)

        own.kill()
        own.start()

        until(lambda: custodian.find_by_external_tx_id("survivor").phase is TransferPhase.COMPLETED)
        assert custodian.find_by_external_tx_id("survivor").provider_id == started.provider_id
        assert custodian.balance(vault_id=vaults[1], asset_id=ASSET) == Decimal("0.25")
        with pytest.raises(Uncertain):
            custodian.transfer(**order)


def test_sandbox_dies_with_the_process_that_started_it(tmp_path):
    with subprocess.Popen([sys.executable, "-c", PARENT, tmp_path], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        url = parent.stdout.readline().decode().strip()
        assert is_up(url)

        os.kill(parent.pid, signal.SIGKILL)

    until(lambda: not is_up(url))


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("fireblocks")) as process:
        yield process


def test_sandbox_that_cannot_start_says_why(sandbox, tmp_path):
    port = int(sandbox.url.rpartition(":")[2])

    with pytest.raises(RuntimeError, match="Address already in use"), running(tmp_path, port=port):
        pass


def test_reset_forgets_scenarios_but_keeps_the_log(sandbox):
    sandbox.control.scenario(match={"external_tx_id": "x"}, delay=1)

    sandbox.control.reset()
    sandbox.control.reset()

    assert [entry["kind"] for entry in sandbox.control.log()] == ["reset", "reset"]


@pytest.mark.parametrize(
    "scenario", [{}, {"tims": 1, "delay": 1}, {"match": {"colour": "red"}, "delay": 1}, {"http": {"fault": "x"}}]
)
def test_scenario_that_means_nothing_is_refused(sandbox, scenario):
    with pytest.raises(RuntimeError, match="/scenario"):
        sandbox.control.scenario(**scenario)
