"""What money-like conclusions rest on: reads that a quorum of nodes must agree in. See docs/chain.md.

Whoever contradicts a quorum is suspected, where an honest node could not: in a hash as deep as settlement, in the logs
of the very same blocks, in a receipt, in state at a fixed block. At the head honest nodes differ, so nothing follows
there but that nothing is concluded.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from eth_utils import keccak

from agora.lib.errors import Rejected, Unavailable, VendorError
from minting.chains import abi
from minting.chains.base import Header, MintedLog, NodeReport, Receipt, Stretch, Survey
from minting.chains.evm import parsing
from minting.chains.evm.nodes import Impossible, Node, Query
from minting.chains.evm.rpc import BATCH, Rpc, Vote
from minting.chains.evm.voting import NoQuorum, agreed, reached

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)
Log = TypeVar("Log")
_Blocks = tuple[tuple[Header, ...], tuple[MintedLog, ...], int | None]
LATEST = Query("eth_getBlockByNumber", ["latest", False], parsing.header)
LATEST_OR_NONE = Query("eth_getBlockByNumber", ["latest", False], parsing.header_or_none)
FINALIZED = Query("eth_getBlockByNumber", ["finalized", False], parsing.header_or_none)


class QuorumReads:
    """`_depth`: blocks below the head where honest nodes no longer differ."""

    _rpc: Rpc
    _depth: int

    # --- Following ------------------------------------------------------------------------------------------------

    def survey(self, number: int | None) -> Survey:
        quorum = self._rpc.quorum
        places = [] if number is None else [number] if quorum == 1 else [number, max(0, number - self._depth)]
        queries: list[Query[Header | None]] = [LATEST_OR_NONE, *(block(place) for place in places)]
        votes = self._rpc.poll(lambda node: tuple(node.ask_batch(queries)), enough=lambda votes: True)
        head = reached([said[0].number for said in _answers(votes) if said[0]], quorum)
        for vote in votes:
            if vote.refusal is None and vote.answer[0]:
                vote.node.health.saw(vote.answer[0].number, quorum_head=head)
        if number is None:
            return Survey(head=head, known=None)
        if quorum > 1:
            self._judge_depth(votes)
        if number <= head:
            known = agreed([said[1] for said in _answers(votes) if said[1] is not None], quorum)
            return Survey(head=head, known=known)
        return Survey(head=head, known=_answers(votes)[0][0] if quorum == 1 else self.header(head))

    def stretch(self, *, first: int, last: int, contracts: list[str]) -> Stretch:
        votes = self._rpc.poll(lambda node: _blocks(node, first, last, contracts), enough=self._agree_in_blocks)
        headers, logs = agreed([said[:2] for said in _answers(votes)], self._rpc.quorum)
        finals = [said[2] for said in _answers(votes) if said[2] is not None]
        self._judge(votes, "logs", lambda said: None if said[0] != headers else said[1] == logs, bool(logs))
        final = reached(finals, self._rpc.quorum) if len(finals) >= self._rpc.quorum else None
        return Stretch(headers=list(headers), logs=list(logs), finalized=final)

    def note(self, *, has_quorum: bool) -> None:
        self._rpc.note(has_quorum=has_quorum)

    def node_reports(self) -> list[NodeReport]:
        return self._rpc.reports()

    # --- Blocks ---------------------------------------------------------------------------------------------------

    def head(self) -> Header:
        if self._rpc.quorum == 1:
            return self._rpc.ask(LATEST)
        number = self.survey(None).head
        header = self.header(number)
        if header is None:
            raise Unavailable(f"block {number} is gone: ask again")
        return header

    def header(self, number: int) -> Header | None:
        return self._agree(lambda node: node.ask(block(number)))

    def headers(self, first: int, last: int) -> list[Header]:
        found: list[Header | None] = []
        for start in range(first, last + 1, BATCH):
            queries = [block(number) for number in range(start, min(start + BATCH, last + 1))]
            found += self._agree(lambda node, queries=queries: tuple(node.ask_batch(queries)))  # type: ignore[misc]
        headers = [header for header in found if header is not None]
        if [header.number for header in headers] != list(range(first, first + len(headers))):
            raise Unavailable(f"blocks {first}…{last} came back with a hole: ask again")
        return headers

    def finalized(self) -> Header | None:
        if self._rpc.quorum == 1:
            return self._rpc.first(_finalized).answer
        votes = self._rpc.poll(_finalized, enough=lambda votes: True)
        numbers = [header.number for header in _answers(votes) if header is not None]
        if len(numbers) < self._rpc.quorum:
            return None
        return self.header(reached(numbers, self._rpc.quorum))

    # --- Transactions ---------------------------------------------------------------------------------------------

    def receipts(self, tx_hashes: list[str]) -> dict[str, Receipt]:
        found: dict[str, Receipt] = {}
        for start in range(0, len(tx_hashes), BATCH):
            part = tx_hashes[start : start + BATCH]
            votes = self._rpc.poll(_receipts_of(part), enough=self._agree_wholly)
            for place, tx_hash in enumerate(part):
                receipt = self._receipt(votes, place)
                if receipt is not None:
                    found[tx_hash.lower()] = receipt
        return found

    def are_unknown(self, tx_hashes: list[str]) -> bool:
        """Whether a quorum has no receipt of any of them, and nobody who counts has one."""
        votes = self._rpc.poll(_receipts_of(tx_hashes[:BATCH]), enough=self._agree_wholly)
        answers = _answers(votes)
        return len(answers) >= self._rpc.quorum and all(receipt is None for said in answers for receipt in said)

    def next_nonce(self, address: str, *, block: int | None = None) -> int:
        at = "latest" if block is None else hex(block)
        query = Query("eth_getTransactionCount", [address, at], parsing.quantity)
        if block is not None:
            return self._agree(lambda node: node.ask(query), kind="nonce")
        votes = self._rpc.poll(lambda node: node.ask(query), enough=lambda votes: True)
        return reached(_answers(votes), self._rpc.quorum)

    # --- State ----------------------------------------------------------------------------------------------------

    def code(self, address: str) -> bytes:
        query = Query("eth_getCode", [address, "latest"], parsing.data)
        return self._agree(lambda node: node.ask(query))

    def native_balance(self, address: str) -> int:
        query = Query("eth_getBalance", [address, "latest"], parsing.quantity)
        votes = self._rpc.poll(lambda node: node.ask(query), enough=lambda votes: True)
        return reached(_answers(votes), self._rpc.quorum)

    def is_mint_key_used(self, *, contract: str, mint_key: str, block: int | None = None) -> bool:
        return bool([0, 1].index(self._word(contract, block, "usedBrokerTrade", keccak(text=mint_key))))

    def balance_of(self, *, contract: str, holder: str, block: int | None = None) -> int:
        return self._word(contract, block, "balanceOf", holder)

    def total_supply(self, *, contract: str, block: int | None = None) -> int:
        return self._word(contract, block, "totalSupply")

    # --- Private --------------------------------------------------------------------------------------------------

    def _judge_depth(self, votes: list[Vote[tuple[Header | None, ...]]]) -> None:
        """Each node's chain where it can no longer be honest to differ."""
        try:
            deep = agreed([said[2] for said in _answers(votes) if said[2] is not None], self._rpc.quorum)
        except NoQuorum:
            return  # nobody can say who is right
        self._judge(votes, "chain", lambda said: None if said[2] is None else said[2] == deep, True)

    def _judge(self, votes: list[Vote[T]], kind: str, verdict: Callable[[T], bool | None], is_proof: bool) -> None:
        """By each node's answer: True agrees, False contradicts, None says nothing. `is_proof`: to agree clears."""
        if self._rpc.quorum == 1:
            return
        for vote in votes:
            verdict_of = verdict(vote.answer) if vote.refusal is None else None
            if verdict_of is False:
                vote.node.health.suspect(kind, f"{vote.node.name} contradicts a quorum: {kind}")
            elif verdict_of and is_proof:
                vote.node.health.agrees(kind)

    def _agree(self, attempt: Callable[[Node], H], *, kind: str = "") -> H:
        """One answer of a quorum, or its refusal. `kind`: of what no honest node can say otherwise."""
        votes = self._rpc.poll(attempt, enough=self._agree_wholly)
        said = agreed([_said(vote) for vote in votes if vote.counts], self._rpc.quorum)
        if kind:
            self._judge(votes, kind, lambda answer: ("said", answer) == said, True)
        if said[0] == "refused":
            raise next(vote.refusal for vote in votes if vote.refusal is not None and _said(vote) == said)
        return said[1]  # type: ignore[no-any-return]

    def _agree_wholly(self, votes: list[Vote[Any]]) -> bool:
        try:
            agreed([_said(vote) for vote in votes], self._rpc.quorum)
        except NoQuorum:
            return False
        return True

    def _agree_in_blocks(self, votes: list[Vote[_Blocks]]) -> bool:
        try:
            agreed([said[:2] for said in _answers(votes)], self._rpc.quorum)
        except NoQuorum:
            return False
        return True

    def _receipt(self, votes: list[Vote[tuple[Receipt | None, ...]]], place: int) -> Receipt | None:
        try:
            receipt = agreed([said[place] for said in _answers(votes)], self._rpc.quorum)
        except NoQuorum:
            return None  # that proves nothing, as a missing receipt never does
        deep = (receipt.block_number if receipt else 0) + self._depth
        for vote in votes:
            knows = vote.node.health.head is not None and vote.node.health.head >= deep
            if vote.refusal is None and (vote.answer[place] is not None or knows):
                self._judge([vote], "receipts", lambda said: said[place] == receipt, receipt is not None)
        return receipt

    def _word(self, contract: str, at: int | None, function: str, *arguments: object) -> int:
        """A view's one word; by a quorum at a fixed block or where it ends a mint, else by one node.

        Rejected, vendor_code "NoCode": no contract is there at that block (yet).
        """
        transaction = {"to": contract, "data": abi.encode_call(function, *arguments)}
        query = Query("eth_call", [transaction, "latest" if at is None else hex(at)], parsing.data)
        if at is None and function != "usedBrokerTrade":
            answer = self._rpc.ask(query)
        else:
            answer = self._agree(lambda node: node.ask(query), kind="state" if at is not None else "")
        if not answer:
            raise Rejected(f"there is no contract at {contract} at block {at or 'latest'}", vendor_code="NoCode")
        if len(answer) != 32:
            raise Unavailable(f"{function} answered {len(answer)} bytes instead of 32")
        return int.from_bytes(answer)


def block(number: int) -> Query[Header | None]:
    def parse(value: Any) -> Header | None:
        header = parsing.header_or_none(value)
        if header is not None and header.number != number:
            raise ValueError(f"block {header.number} instead of {number}")
        return header

    return Query("eth_getBlockByNumber", [hex(number), False], parse)


def logs_of(
    ask: Callable[[Query[list[Log]]], list[Log]],
    wanted: dict[str, Any],
    first: int,
    last: int,
    parse: Callable[[Any], list[Log]],
) -> list[Log]:
    """The logs of blocks first…last; in halves where a node will not give so many, each in its own words."""
    if first > last:
        return []
    try:
        return ask(_logs(wanted, first, last, parse))
    except VendorError as error:
        if first == last or not error.vendor_code:
            raise
    middle = (first + last) // 2
    return logs_of(ask, wanted, first, middle, parse) + logs_of(ask, wanted, middle + 1, last, parse)


def minted_filter(contracts: list[str]) -> dict[str, Any]:
    return {"address": contracts, "topics": [abi.minted_topic()]}


def _logs(wanted: dict[str, Any], first: int, last: int, parse: Callable[[Any], list[Log]]) -> Query[list[Log]]:
    return Query("eth_getLogs", [{**wanted, "fromBlock": hex(first), "toBlock": hex(last)}], parse)


def _blocks(node: Node, first: int, last: int, contracts: list[str]) -> _Blocks:
    """In one call, where the node will."""
    blocks = [block(number) for number in range(first, last + 1)]
    wanted = minted_filter(contracts)
    logs: list[MintedLog]
    try:
        more: list[Query[Any]] = [_logs(wanted, first, last, parsing.minted_logs)] if contracts else []
        final, *answers = node.ask_batch([FINALIZED, *blocks, *more])
        found, logs = answers[: len(blocks)], answers[-1] if contracts else []
    except VendorError as error:
        if not error.vendor_code:
            raise
        final, found = _finalized(node), node.ask_batch(blocks)
        logs = logs_of(node.ask, wanted, first, last, parsing.minted_logs) if contracts else []
    headers = tuple(header for header in found if header is not None)
    if [header.number for header in headers] != list(range(first, first + len(headers))):
        raise Unavailable(f"blocks {first}…{last} came back with a hole: ask again", vendor_code="Behind")
    if any(not first <= log.block_number <= last or log.contract not in contracts for log in logs):
        raise Impossible(f"{node.name} answers with logs that were not asked for")
    return headers, tuple(logs), final.number if final else None


def _finalized(node: Node) -> Header | None:
    try:
        return node.ask(FINALIZED)
    except Unavailable as error:
        if error.vendor_code == "UnknownBlock":  # geth's way to say null
            return None
        raise


def _receipts_of(tx_hashes: Sequence[str]) -> Callable[[Node], tuple[Receipt | None, ...]]:
    queries = [Query("eth_getTransactionReceipt", [tx_hash], _receipt_of(tx_hash)) for tx_hash in tx_hashes]
    return lambda node: tuple(node.ask_batch(queries))


def _receipt_of(tx_hash: str) -> Callable[[Any], Receipt | None]:
    def parse(value: Any) -> Receipt | None:
        receipt = parsing.receipt_or_none(value)
        if receipt is not None and receipt.tx_hash != tx_hash.lower():
            raise ValueError(f"the receipt of another transaction, {receipt.tx_hash}")
        return receipt

    return parse


def _answers(votes: list[Vote[T]]) -> list[T]:
    """Those that count."""
    return [vote.answer for vote in votes if vote.refusal is None and vote.counts]


def _said(vote: Vote[Any]) -> tuple[str, Any]:
    return ("said", vote.answer) if vote.refusal is None else ("refused", vote.refusal.vendor_code)
