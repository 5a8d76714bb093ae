"""The local chain itself: found, started, and gone when it should be."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from agora.lib import anvil
from minting.chains.evm import EvmChain

# Starts a chain, says where, and is then killed by the test.
START_AND_HANG = """
import time
from agora.lib import anvil
with anvil.running() as url:
    print(url, flush=True)
    time.sleep(60)
"""


def test_named_anvil_that_is_none_is_refused_with_what_to_do() -> None:
    with pytest.raises(anvil.AnvilError, match="correct AGORA_ANVIL, or unset it"):
        anvil.find("/nowhere/anvil")


def test_missing_anvil_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(anvil, "PACKAGED", tmp_path / "anvil")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(anvil.AnvilError, match="run `npm ci` in contracts/"):
        anvil.find()


def test_anvil_on_the_path_is_found_where_npm_brought_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "anvil"
    program.touch(mode=0o755)
    monkeypatch.setattr(anvil, "PACKAGED", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert anvil.find() == str(program)


def test_port_on_which_another_listens_is_refused() -> None:
    with socket.create_server((anvil.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(anvil.AnvilError, match=f"port {port} is taken"), anvil.running(port=port):
            pytest.fail("there is no chain")


def test_chain_with_a_block_time_mines_by_the_clock_alone() -> None:
    with anvil.running(block_time=1, chain_id=84532) as url:
        chain = EvmChain([url], chain_id=84532)
        first = chain.head()
        time.sleep(2.5)
        later = chain.head()

        assert chain.chain_id() == 84532
        assert later.number - first.number in (2, 3)
        assert later.timestamp - first.timestamp in (2, 3)
        chain.close()


def test_chain_ends_with_the_process_that_started_it() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", START_AND_HANG], stdout=subprocess.PIPE, text=True, cwd=anvil.CONTRACTS.parent
    )
    assert parent.stdout is not None
    with parent.stdout:
        url = parent.stdout.readline().strip()
    port = urlsplit(url).port
    assert port is not None
    assert _listens(port)

    parent.kill()
    parent.wait()

    deadline = time.monotonic() + 5
    while _listens(port) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _listens(port)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((anvil.HOST, port)) == 0
