"""The whole loop on three RPCs of which some lie, lag or are away; and what the console shows of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Hold
from agora.lib.errors import Unavailable
from agora.tests.outside import Outside
from agora.tests.staff import console_of, new_staff
from agora.tests.world import World
from minting.chains import get_chain
from minting.models import ForeignMint, MintTx, Reorg, RpcNode
from minting.panels import CHAIN
from minting.sandbox import process
from minting.services import follow_chain, verify_chain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def started(outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[process.Node]]:
    home = tmp_path_factory.mktemp("rpcs")
    with ExitStack() as stack:
        yield [stack.enter_context(process.running(home / str(n), upstream=outside.chain_url)) for n in range(3)]


@pytest.fixture
def rpcs(world: World, started: list[process.Node], settings: Any) -> Iterator[list[process.Node]]:
    """Three, which the whole installation uses."""
    for node in started:
        node.control.reset()
    settings.CHAIN_RPC_URLS = [node.url for node in started]
    get_chain.cache_clear()
    yield started
    get_chain().close()
    get_chain.cache_clear()


def follow(times: int = 1) -> None:
    for _ in range(times):
        follow_chain(now=timezone.now())


def facts() -> dict[str, str]:
    panel = CHAIN.build(now=timezone.now())
    return {fact.label: f"{fact.level}: {fact.value}" for fact in panel.facts}


@pytest.mark.parametrize(
    "lies", [["block_hash"], ["no_logs", "no_receipt", "nonce"], ["minted", "receipt", "key_used", "finalized"]]
)
def test_with_one_liar_of_three_an_order_is_minted_once_and_nothing_else_is_believed(
    world: World, rpcs: list[process.Node], lies: list[str]
) -> None:
    mark = len(rpcs[0].control.log())
    rpcs[0].control.settings(lies=lies)

    world.until_settled(world.place())

    assert (world.balance(), world.minted_logs(), world.violations()) == (Decimal("0.25"), 1, [])
    assert (ForeignMint.objects.count(), Reorg.objects.count(), Hold.objects.count()) == (0, 0, 0)
    assert rpcs[0].control.log(after=mark, kind="lie"), "it told no lie"


def test_with_one_honest_of_three_nothing_is_concluded_and_buying_goes_on(
    world: World, rpcs: list[process.Node], caplog: pytest.LogCaptureFixture
) -> None:
    follow()
    rpcs[0].control.settings(lies=["block_hash"])
    rpcs[1].control.settings(lies=["block_hash"], lie_options={"block_hash": {"salt": "another"}})
    with pytest.raises(Unavailable):
        follow()
    before = Reorg.objects.count()

    order = world.place()
    for _ in range(3):
        world.run_tasks()
    with pytest.raises(Unavailable):
        follow()

    order.refresh_from_db()
    assert order.status not in ("PENDING", "REJECTED", "MINT_CONFIRMED"), "buying goes on, minting does not"
    assert (Reorg.objects.count(), ForeignMint.objects.count()) == (before, 0)
    for rpc in rpcs:
        rpc.control.reset()
    world.until_minted(order)
    assert (world.balance(), world.violations()) == (Decimal("0.25"), [])


def test_an_invented_mint_of_two_different_liars_is_nobodys(world: World, rpcs: list[process.Node]) -> None:
    follow()
    rpcs[0].control.settings(lies=["minted"], lie_options={"minted": {"mint_key": "one"}})
    rpcs[1].control.settings(lies=["minted"], lie_options={"minted": {"mint_key": "two"}})
    world.outside.mine()

    with pytest.raises(Unavailable):
        follow()

    assert ForeignMint.objects.count() == 0


def test_a_long_time_without_a_quorum_is_an_alarm_once(
    world: World, rpcs: list[process.Node], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minting.chains.evm.rpc.ALARM_AFTER", 0.0)
    follow()
    for rpc in rpcs[:2]:
        rpc.control.settings(down=True)
    for _ in range(3):
        with pytest.raises(Unavailable):
            follow()

    said = [record for record in caplog.records if "no quorum of rpcs" in record.getMessage()]
    assert [record.levelno for record in said] == [logging.ERROR]
    assert facts()["RPCs that count"] == "bad: 1 of 3; 2 must agree"
    rpcs[0].control.settings(down=False)
    follow()


def test_the_console_shows_each_rpc_by_host_alone(world: World, rpcs: list[process.Node], settings: Any) -> None:
    settings.CHAIN_RPC_URLS = [f"{rpc.url}/" for rpc in rpcs]
    rpcs[0].control.settings(lies=["chain_id"])
    rpcs[1].control.settings(lag=0)
    get_chain.cache_clear()

    follow(2)

    names = [rpc.url.removeprefix("http://") for rpc in rpcs]
    shown = facts()
    assert shown["RPCs that count"] == "look: 2 of 3; 2 must agree"
    assert shown[f"RPC {names[0]}"].startswith("bad: quarantined")
    assert "serves chain 1" in shown[f"RPC {names[0]}"]
    assert shown[f"RPC {names[1]}"].startswith("ok: ok, block ")
    assert RpcNode.objects.get(name=names[0]).counts is False
    page = console_of(new_staff()).get("/admin/").content.decode()
    assert names[0] in page
    assert "http://127" not in page.split("RPCs that count")[1].split("</section>")[0]


def test_an_rpc_that_is_no_longer_configured_is_no_longer_shown(
    world: World, rpcs: list[process.Node], settings: Any
) -> None:
    follow()
    assert RpcNode.objects.count() == 3
    settings.CHAIN_RPC_URLS = settings.CHAIN_RPC_URLS[:2]
    get_chain.cache_clear()

    follow()

    assert RpcNode.objects.count() == 2


def test_a_silent_watcher_is_shown_as_one(world: World, rpcs: list[process.Node]) -> None:
    follow()
    RpcNode.objects.update(seen_at=timezone.now() - timedelta(minutes=2))

    assert facts()["RPCs that count"].startswith("bad: 0 of 3")


def test_the_start_is_refused_where_no_quorum_has_our_contracts(world: World, rpcs: list[process.Node]) -> None:
    verify_chain()
    for rpc in rpcs[:2]:
        rpc.control.settings(lies=["code"])
    get_chain.cache_clear()

    with pytest.raises(Unavailable):
        verify_chain()


def test_a_broadcast_that_two_rpcs_swallow_reaches_the_chain_by_the_third(
    world: World, rpcs: list[process.Node]
) -> None:
    mark = len(rpcs[0].control.log())
    for rpc in rpcs[:2]:
        rpc.control.settings(lies=["drop_broadcast"])

    world.until_minted(world.place())

    swallowed = rpcs[0].control.log(after=mark, kind="broadcast")
    assert {entry["passed_on"] for entry in swallowed} == {False}
    assert (MintTx.objects.count(), world.violations()) == (1, [])
