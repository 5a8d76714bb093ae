"""Several RPCs, some of which lie, lag or fail: what is concluded, and who is quarantined."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from agora.lib.errors import Unavailable
from minting.chains.evm import EvmChain
from minting.chains.evm.health import LAGGING, OK, ON_PROBATION, QUARANTINED
from minting.chains.evm.voting import NoQuorum, agreed, reached
from minting.sandbox import process
from minting.tests.chain_fixtures import MINTER, Node, closed_port, node_with_token

CHAIN_ID = 31337
HASH = "0x" + "11" * 32


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with node_with_token() as node:
        node.mint("trade-1")
        for _ in range(20):
            node.rpc("evm_mine")
        yield node


@pytest.fixture(scope="module")
def started(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[process.Node]]:
    with ExitStack() as stack:
        home = tmp_path_factory.mktemp("rpcs")
        yield [stack.enter_context(process.running(home / str(n), upstream=node.url)) for n in range(3)]


@pytest.fixture
def rpcs(started: list[process.Node]) -> list[process.Node]:
    for rpc in started:
        rpc.control.reset()
    return started


@contextmanager
def chain_of(urls: list[str], *, clock: Clock | None = None, **options: Any) -> Iterator[EvmChain]:
    options = {"quorum": 2, "clock": clock or Clock(), **options}
    chain = EvmChain(urls, chain_id=CHAIN_ID, timeout=(1.0, 3.0), **options)
    yield chain
    chain.close()


def urls(rpcs: list[process.Node]) -> list[str]:
    return [rpc.url for rpc in rpcs]


def states(chain: EvmChain) -> list[str]:
    return [report.state for report in chain.node_reports()]


def look(chain: EvmChain, times: int = 4) -> Any:
    head = chain.survey(None).head
    return [chain.survey(head) for _ in range(times)][-1]


def test_three_honest_ones_agree_with_what_one_says(rpcs: list[process.Node], node: Node) -> None:
    with chain_of(urls(rpcs)) as chain:
        assert look(chain).known == node.chain.head()
        stretch = chain.stretch(first=1, last=3, contracts=[node.token.address])
        assert stretch.headers == node.chain.headers(1, 3)
        assert [log.mint_key for log in stretch.logs] == ["trade-1"]
        assert chain.total_supply(contract=node.token.address, block=2) == 250_000_000_000_000_000
        assert states(chain) == [OK] * 3


@pytest.mark.parametrize("lie", ["block_hash", "broken_parent"])
def test_one_of_three_on_a_chain_of_its_own_is_outvoted_and_quarantined(
    rpcs: list[process.Node], node: Node, lie: str
) -> None:
    rpcs[0].control.settings(lies=[lie])
    with chain_of(urls(rpcs)) as chain:
        assert look(chain).known == node.chain.head()
        assert states(chain) == [QUARANTINED, OK, OK]
        before = rpcs[0].control.stats()["requests"]
        look(chain)
        assert rpcs[0].control.stats()["requests"] == before, "asked although it lies"


def test_one_of_another_chain_is_quarantined_at_once(rpcs: list[process.Node], node: Node) -> None:
    rpcs[1].control.settings(lies=["chain_id"])
    with chain_of(urls(rpcs)) as chain:
        assert chain.survey(None).head == node.chain.head().number
        assert states(chain) == [OK, QUARANTINED, OK]


def test_one_with_other_code_where_our_token_is_is_quarantined_at_once(rpcs: list[process.Node], node: Node) -> None:
    rpcs[2].control.settings(lies=["code"])
    codes = {node.token.address: str(node.token.code_hash)}
    with chain_of(urls(rpcs), codes=lambda: codes) as chain:
        assert chain.code_hash(node.token.address) == node.token.code_hash
        assert states(chain) == [OK, OK, QUARANTINED]


def test_logs_that_one_hides_or_invents_are_not_believed(rpcs: list[process.Node], node: Node) -> None:
    with chain_of(urls(rpcs)) as chain:
        for lies in (["no_logs"], ["minted"]):
            rpcs[0].control.settings(lies=lies)
            stretch = chain.stretch(first=1, last=3, contracts=[node.token.address])
            assert [log.mint_key for log in stretch.logs] == ["trade-1"]
        chain.stretch(first=1, last=3, contracts=[node.token.address])
        assert states(chain) == [QUARANTINED, OK, OK]
        assert {entry["lie"] for entry in rpcs[0].control.log(kind="lie")} >= {"no_logs", "minted"}


def test_receipts_that_one_hides_invents_or_turns_round_are_not_believed(rpcs: list[process.Node], node: Node) -> None:
    mined = node.chain.minted_log(contract=node.token.address, mint_key="trade-1", first=0)
    assert mined is not None
    with chain_of(urls(rpcs)) as chain:
        look(chain, times=1)
        rpcs[0].control.settings(lies=["no_receipt"])
        assert chain.receipts([mined.tx_hash])[mined.tx_hash].succeeded is True
        rpcs[0].control.settings(lies=["receipt"], lie_options={"receipt": {"flip": True}})
        assert chain.receipts([mined.tx_hash])[mined.tx_hash].succeeded is True
        assert chain.receipts([HASH]) == {}
        assert chain.are_unknown([mined.tx_hash]) is False
        assert states(chain) == [QUARANTINED, OK, OK]


def test_a_receipt_that_one_alone_has_keeps_a_transaction_from_being_given_up(rpcs: list[process.Node]) -> None:
    rpcs[2].control.settings(lies=["receipt"])
    with chain_of(urls(rpcs)) as chain:
        assert chain.are_unknown([HASH]) is False
        assert chain.receipts([HASH]) == {}


def test_a_nonce_that_one_makes_up_is_not_believed(rpcs: list[process.Node], node: Node) -> None:
    rpcs[0].control.settings(lies=["nonce"])
    with chain_of(urls(rpcs)) as chain:
        assert chain.next_nonce(MINTER) == 1
        assert [chain.next_nonce(MINTER, block=1) for _ in range(3)] == [0, 0, 0]
        assert states(chain) == [QUARANTINED, OK, OK]


def test_a_key_that_one_calls_used_is_not(rpcs: list[process.Node], node: Node) -> None:
    rpcs[1].control.settings(lies=["key_used"])
    with chain_of(urls(rpcs)) as chain:
        assert chain.is_mint_key_used(contract=node.token.address, mint_key="trade-2") is False
        assert chain.is_mint_key_used(contract=node.token.address, mint_key="trade-1") is True


def test_nothing_is_final_because_one_says_so(rpcs: list[process.Node], node: Node) -> None:
    rpcs[0].control.settings(lies=["finalized"])
    with chain_of(urls(rpcs)) as chain:
        assert chain.finalized() == node.chain.finalized()


def test_impossible_answers_are_a_lie_too(rpcs: list[process.Node], node: Node) -> None:
    rpcs[0].control.settings(lies=["garbage"])
    with chain_of(urls(rpcs)) as chain:
        assert look(chain).known == node.chain.head()
        assert states(chain)[1:] == [OK, OK]
        assert states(chain)[0] == QUARANTINED


def test_with_one_honest_of_three_nothing_is_concluded(rpcs: list[process.Node], node: Node) -> None:
    rpcs[0].control.settings(lies=["block_hash", "no_logs"])
    rpcs[1].control.settings(lies=["block_hash"], lie_options={"block_hash": {"salt": "another"}})
    with chain_of(urls(rpcs)) as chain:
        head = chain.survey(None).head
        with pytest.raises(NoQuorum):
            chain.survey(head)
        with pytest.raises(NoQuorum):
            chain.stretch(first=1, last=3, contracts=[node.token.address])
        with pytest.raises(NoQuorum):
            chain.header(2)
        assert states(chain) == [OK] * 3, "nobody can say who lies"


def test_two_urls_that_contradict_each_other_conclude_nothing(rpcs: list[process.Node]) -> None:
    rpcs[0].control.settings(lies=["block_hash"])
    with chain_of(urls(rpcs[:2])) as chain:
        head = chain.survey(None).head
        with pytest.raises(NoQuorum):
            chain.survey(head)


def test_one_that_is_down_or_lags_takes_nothing_away(rpcs: list[process.Node], node: Node) -> None:
    rpcs[0].control.settings(lag=8)
    with chain_of([rpcs[0].url, closed_port(), rpcs[1].url, rpcs[2].url]) as chain:
        assert look(chain).known == node.chain.head()
        assert states(chain)[0] == LAGGING
        assert [chain.node_reports()[0].lag, chain.node_reports()[0].quarantines] == [8, 0]
        chain.fee_market()
        assert "eth_maxPriorityFeePerGas" not in rpcs[0].control.stats()["calls"], "asked for the head although behind"


def test_a_silent_one_costs_a_moment_once_a_quorum_has_spoken(rpcs: list[process.Node], node: Node) -> None:
    rpcs[2].control.settings(rate=1.0, mix={"timeout_before": 1}, timeout_seconds=2.0)
    with chain_of(urls(rpcs)) as chain:
        assert look(chain, times=2).known == node.chain.head()


def test_a_lag_of_most_makes_the_head_what_most_have(rpcs: list[process.Node], node: Node) -> None:
    for rpc in rpcs[:2]:
        rpc.control.settings(lag=3)
    with chain_of(urls(rpcs)) as chain:
        assert chain.survey(None).head == node.chain.head().number - 3


def test_who_lied_comes_back_on_probation_and_for_longer_each_time(rpcs: list[process.Node]) -> None:
    clock = Clock()
    rpcs[0].control.settings(lies=["block_hash"])
    with chain_of(urls(rpcs), clock=clock) as chain:
        look(chain)
        assert states(chain)[0] == QUARANTINED
        clock.now += 61
        assert states(chain)[0] == ON_PROBATION
        look(chain, times=1)  # it lies again, once
        assert states(chain)[0] == QUARANTINED
        clock.now += 61
        assert states(chain)[0] == QUARANTINED, "twice as long"
        clock.now += 60
        rpcs[0].control.reset()
        look(chain, times=3)
        assert states(chain)[0] == OK


def test_on_probation_it_is_asked_but_does_not_count(rpcs: list[process.Node]) -> None:
    clock = Clock()
    rpcs[0].control.settings(lies=["block_hash"])
    with chain_of(urls(rpcs), clock=clock) as chain:
        look(chain)
        clock.now += 61
        rpcs[0].control.reset()
        rpcs[1].control.settings(down=True)
        with pytest.raises(Unavailable) as failure:
            chain.survey(None)
        assert failure.value.vendor_code == "NoQuorum"


def test_after_a_connection_was_lost_the_chain_is_checked_again(rpcs: list[process.Node]) -> None:
    with chain_of(urls(rpcs)) as chain:
        look(chain, times=1)
        rpcs[0].control.settings(lies=["chain_id"])
        look(chain, times=1)
        assert states(chain)[0] == OK, "asked once a connection"
        rpcs[0].control.scenario(http="reset_before")
        look(chain, times=1)
        assert states(chain)[0] == QUARANTINED


@pytest.mark.parametrize(
    ("values", "quorum", "result"),
    [
        ([1, 1, 2], 2, 1),
        ([1], 1, 1),
        ([1, 2], 2, None),
        ([], 1, None),
        ([1, 1, 2, 2], 2, None),
        ([None, None], 2, None),
    ],
)
def test_a_quorum_is_one_value_and_one_only(values: list[int | None], quorum: int, result: int | None) -> None:
    if values == [None, None]:
        assert agreed(values, quorum) is None
    elif result is None:
        with pytest.raises(NoQuorum):
            agreed(values, quorum)
    else:
        assert agreed(values, quorum) == result


def test_a_height_is_what_a_quorum_has_reached() -> None:
    assert [reached([7, 9, 10**9], q) for q in (1, 2, 3)] == [10**9, 9, 7]
    with pytest.raises(NoQuorum):
        reached([7], 2)


def test_one_url_costs_one_request_a_look(rpcs: list[process.Node]) -> None:
    with chain_of(urls(rpcs[:1]), quorum=1) as chain:
        head = chain.survey(None).head
        before = rpcs[0].control.stats()["requests"]
        chain.survey(head)
        chain.stretch(first=head, last=head, contracts=[MINTER])
        assert rpcs[0].control.stats()["requests"] == before + 2


def test_a_quorum_of_more_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="CHAIN_QUORUM"):
        EvmChain(["http://127.0.0.1:1"], chain_id=CHAIN_ID, quorum=2)
