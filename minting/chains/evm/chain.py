"""The chain port over JSON-RPC. See minting/chains/base.py for what each method promises."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eth_abi.exceptions import DecodingError
from eth_utils import keccak

from agora.lib.errors import Rejected, Unavailable, Uncertain, VendorError
from agora.lib.http import CONNECT_TIMEOUT, READ_TIMEOUT
from minting.chains import abi, artifact
from minting.chains.base import FeeMarket, Fees, MintCall, MintedLog, TransferLog
from minting.chains.evm import parsing
from minting.chains.evm.nodes import SEND
from minting.chains.evm.quorum import QuorumReads, logs_of, minted_filter
from minting.chains.evm.rpc import Query, Rpc

KEY_USED = "BrokerTradeAlreadyUsed"
# Wei. A node suggests what was bid lately: on a quiet chain that is what we bid ourselves, and each bid above it would
# raise the next. Where more is needed a replacement bids it.
MAX_TIP = 2 * 10**9
USUAL_TIP = 10**9


class EvmChain(QuorumReads):
    """`urls` are nodes of one chain, `quorum` how many must agree in what money depends on (quorum.py), `depth` the
    blocks below the head where honest nodes no longer differ, `codes` what must lie where (address: hash).

    `vendor_code` of an error: see minting/chains/errors.py.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        chain_id: int,
        timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT),
        quorum: int = 1,
        depth: int = 12,
        max_lag: int = 5,
        codes: Callable[[], Mapping[str, str]] = dict,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.configured_chain_id = chain_id
        self._depth = depth
        self._rpc = Rpc(
            urls, chain_id=chain_id, timeout=timeout, quorum=quorum, max_lag=max_lag, codes=codes, clock=clock
        )

    def close(self) -> None:
        self._rpc.close()

    # --- Blocks ---------------------------------------------------------------------------------------------------

    def chain_id(self) -> int:
        return self._rpc.served_chain_id()

    def pending_time(self) -> int:
        """Seconds, by the block that is being made (`pending`); by the latest one where a node does not make any."""
        pending, latest = (
            Query("eth_getBlockByNumber", [at, False], lambda value: parsing.quantity(value["timestamp"]))
            for at in ("pending", "latest")
        )
        try:
            return self._rpc.ask(pending)
        except (Unavailable, Uncertain) as trouble:
            if not trouble.vendor_code:
                raise
        return self._rpc.ask(latest)

    # --- Mints ----------------------------------------------------------------------------------------------------

    def minted_logs(self, *, contracts: list[str], first: int, last: int) -> list[MintedLog]:
        if not contracts:
            return []  # to a node, no address means any
        return logs_of(self._rpc.ask, minted_filter(contracts), first, last, parsing.minted_logs)

    def minted_log(self, *, contract: str, mint_key: str, first: int) -> MintedLog | None:
        topics = [abi.minted_topic(), abi.mint_key_topic(mint_key)]
        wanted = {"address": contract, "topics": topics}
        found = logs_of(self._rpc.ask, wanted, first, self.head().number, parsing.minted_logs)
        return found[0] if found else None

    def transfers(self, *, contract: str, first: int, last: int) -> list[TransferLog]:
        wanted = {"address": contract, "topics": [abi.transfer_topic()]}
        return logs_of(self._rpc.ask, wanted, first, last, parsing.transfers)

    def simulate_mint(self, call: MintCall) -> int:
        calldata = abi.encode_call("mint", call.to, call.amount_wei, call.mint_key)
        try:
            return self.simulate(sender=call.minter, to=call.contract, data=calldata)
        except Rejected as refusal:
            # That a key is used ends a mint for good: what only waits in the pool must not decide it.
            if refusal.vendor_code == KEY_USED and not self.is_mint_key_used(
                contract=call.contract, mint_key=call.mint_key
            ):
                raise Unavailable(f"a mint of {call.mint_key} waits in the pool", vendor_code="Pending") from refusal
            raise

    def simulate(self, *, sender: str, to: str, data: str) -> int:
        transaction = {"from": sender, "to": to, "data": data}
        try:
            return self._simulate(transaction, at="pending")
        except (Unavailable, Uncertain) as trouble:
            if not trouble.vendor_code:
                raise  # nobody answered
        return self._simulate(transaction, at="latest")  # many nodes make no pending block

    def _simulate(self, transaction: dict[str, Any], *, at: str) -> int:
        would_run: Query[int] = Query("eth_call", [transaction, at], lambda value: len(parsing.data(value)))
        # one round trip; the call says why it would revert where an estimate alone may only say that it would
        _, gas = self._rpc.ask_batch([would_run, _estimate(transaction, at=at)])
        return with_reserve(gas)

    # --- Sending --------------------------------------------------------------------------------------------------

    def fee_market(self) -> FeeMarket:
        base_fee = Query(
            "eth_getBlockByNumber", ["latest", False], lambda value: parsing.quantity(value["baseFeePerGas"])
        )
        tip = Query("eth_maxPriorityFeePerGas", [], parsing.quantity)
        try:
            base_fee_wei, tip_wei = self._rpc.ask_batch([base_fee, tip])
        except (Unavailable, Uncertain) as trouble:
            if not trouble.vendor_code:
                raise
            base_fee_wei = self._rpc.ask(base_fee)
            tip_wei = self._usual_tip(base_fee_wei)
        return FeeMarket(base_fee=base_fee_wei, tip=min(tip_wei, MAX_TIP))

    def _usual_tip(self, base_fee: int) -> int:
        """Where no node suggests one: what its gas price has above the base fee, else USUAL_TIP; a replacement bids
        more where that is too little."""
        try:
            return max(0, self._rpc.ask(Query("eth_gasPrice", [], parsing.quantity)) - base_fee)
        except (Unavailable, Uncertain):
            return USUAL_TIP

    def fees(self) -> Fees:
        market = self.fee_market()
        return Fees(max_fee_per_gas=2 * market.base_fee + market.tip, max_priority_fee_per_gas=market.tip)

    def broadcast(self, raw: bytes) -> str:
        tx_hash = "0x" + keccak(raw).hex()
        sending = Query(SEND, ["0x" + raw.hex()], _exactly(tx_hash))
        answers = self._rpc.ask_every(sending, wanted=lambda taken: True)
        failures = [answer for answer in answers if isinstance(answer, VendorError)]
        if len(failures) < len(answers):
            return tx_hash
        # "nonce too low" and "already known" are what a node says of our own transaction, too
        if any(failure.vendor_code for failure in failures) and self._is_known(tx_hash):
            return tx_hash
        raise next(
            failure for kind in (Uncertain, Rejected, VendorError) for failure in failures if isinstance(failure, kind)
        )

    def _is_known(self, tx_hash: str) -> bool:
        """Whether any node has the transaction, in its pool or in a block."""
        known: Query[bool] = Query("eth_getTransactionByHash", [tx_hash], _is_transaction(tx_hash))
        answers = self._rpc.ask_every(known, wanted=bool)
        if True not in answers and False not in answers:
            raise Uncertain("no node says whether it has the transaction")
        return True in answers

    # --- State ----------------------------------------------------------------------------------------------------

    def code_hash(self, address: str) -> str | None:
        code = self.code(address)
        return "0x" + keccak(code).hex() if code else None

    def read(
        self,
        *,
        contract: str,
        function: str,
        arguments: tuple[object, ...] = (),
        of: str = artifact.TOKEN,
        block: int | None = None,
    ) -> tuple[Any, ...]:
        calldata, at = abi.encode_call(function, *arguments, of=of), "latest" if block is None else hex(block)
        answer = self._rpc.ask(Query("eth_call", [{"to": contract, "data": calldata}, at], parsing.data))
        if not answer:
            raise Rejected(f"there is no contract at {contract}", vendor_code="NoCode")
        try:
            return abi.decode_answer(function, answer, of=of)
        except DecodingError as problem:
            raise Unavailable(f"{function} answered what cannot be read: {problem}") from problem

    # --- Setting up -----------------------------------------------------------------------------------------------

    def pending_nonce(self, address: str) -> int:
        """Transactions mined and waiting from that address, by one node's word."""
        return self._rpc.ask(Query("eth_getTransactionCount", [address, "pending"], parsing.quantity))

    def mine(self) -> None:
        """A block at once; a local chain's alone."""
        self._rpc.ask(Query("evm_mine", [], lambda _: None))

    def estimate(self, transaction: dict[str, Any]) -> int:
        """The gas limit to give a transaction."""
        try:
            return with_reserve(self._rpc.ask(_estimate(transaction, at="pending")))
        except (Unavailable, Uncertain) as trouble:
            if not trouble.vendor_code:
                raise
        return with_reserve(self._rpc.ask(_estimate(transaction, at="latest")))


def with_reserve(estimated_gas: int) -> int:
    """A quarter more than estimated, rounded up: the state may change before the transaction is mined."""
    return (estimated_gas * 5 + 3) // 4


def _estimate(transaction: dict[str, Any], *, at: str) -> Query[int]:
    return Query("eth_estimateGas", [transaction, at], parsing.quantity)


def _exactly(tx_hash: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if parsing.hash32(value) != tx_hash:
            raise ValueError(f"another transaction's hash, {value}")
        return tx_hash

    return parse


def _is_transaction(tx_hash: str) -> Callable[[Any], bool]:
    def parse(value: Any) -> bool:
        return value is not None and bool(_exactly(tx_hash)(value["hash"]))

    return parse
