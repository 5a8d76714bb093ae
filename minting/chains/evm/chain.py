"""The chain port over JSON-RPC. See minting/chains/base.py for what each method promises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from eth_abi.exceptions import DecodingError
from eth_utils import keccak

from agora.lib.errors import Rejected, Unavailable, Uncertain, VendorError
from agora.lib.http import CONNECT_TIMEOUT, READ_TIMEOUT
from minting.chains import abi, artifact
from minting.chains.base import Fees, Header, MintCall, MintedLog, Receipt, TransferLog
from minting.chains.evm import parsing
from minting.chains.evm.rpc import Query, Rpc

KEY_USED = "BrokerTradeAlreadyUsed"
Log = TypeVar("Log")


class EvmChain:
    """`urls` are nodes of one chain. `vendor_code` of an error: see minting/chains/errors.py."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        chain_id: int,
        timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT),
    ) -> None:
        self.configured_chain_id = chain_id
        self._rpc = Rpc(urls, chain_id=chain_id, timeout=timeout)

    def close(self) -> None:
        self._rpc.close()

    # --- Blocks ---------------------------------------------------------------------------------------------------

    def chain_id(self) -> int:
        return self._rpc.served_chain_id()

    def head(self) -> Header:
        return self._rpc.ask(Query("eth_getBlockByNumber", ["latest", False], parsing.header))

    def header(self, number: int) -> Header | None:
        return self._rpc.ask(_block(number))

    def headers(self, first: int, last: int) -> list[Header]:
        found = self._rpc.ask_batch([_block(number) for number in range(first, last + 1)])
        headers = [header for header in found if header is not None]
        if [header.number for header in headers] != list(range(first, first + len(headers))):
            raise Unavailable(f"blocks {first}…{last} came back with a hole: ask again")
        return headers

    def finalized(self) -> Header | None:
        try:
            return self._rpc.ask(Query("eth_getBlockByNumber", ["finalized", False], parsing.header_or_none))
        except Unavailable as error:
            if error.vendor_code == "UnknownBlock":  # geth's way to say null
                return None
            raise

    def pending_time(self) -> int:
        """Seconds, by the block that is being made (`pending`); by the latest one where a node does not make any."""
        pending = Query("eth_getBlockByNumber", ["pending", False], lambda value: parsing.quantity(value["timestamp"]))
        return self._rpc.ask(pending)

    # --- Mints ----------------------------------------------------------------------------------------------------

    def minted_logs(self, *, contracts: list[str], first: int, last: int) -> list[MintedLog]:
        if not contracts:
            return []  # to a node, no address means any
        return self._logs({"address": contracts, "topics": [abi.minted_topic()]}, first, last, parsing.minted_logs)

    def minted_log(self, *, contract: str, mint_key: str, first: int) -> MintedLog | None:
        topics = [abi.minted_topic(), abi.mint_key_topic(mint_key)]
        wanted = {"address": contract, "topics": topics}
        found = self._logs(wanted, first, self.head().number, parsing.minted_logs)
        return found[0] if found else None

    def transfers(self, *, contract: str, first: int, last: int) -> list[TransferLog]:
        return self._logs({"address": contract, "topics": [abi.transfer_topic()]}, first, last, parsing.transfers)

    def receipts(self, tx_hashes: list[str]) -> dict[str, Receipt]:
        queries = [Query("eth_getTransactionReceipt", [tx_hash], parsing.receipt_or_none) for tx_hash in tx_hashes]
        found = [receipt for receipt in self._rpc.ask_batch(queries) if receipt is not None]
        if not {receipt.tx_hash for receipt in found} <= {tx_hash.lower() for tx_hash in tx_hashes}:
            raise Unavailable("a node answered with the receipt of another transaction")
        return {receipt.tx_hash: receipt for receipt in found}

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
        would_run: Query[int] = Query("eth_call", [transaction, "pending"], lambda value: len(parsing.data(value)))
        # one round trip; the call says why it would revert where an estimate alone may only say that it would
        _, gas = self._rpc.ask_batch([would_run, _estimate(transaction)])
        return with_reserve(gas)

    # --- Sending --------------------------------------------------------------------------------------------------

    def next_nonce(self, address: str) -> int:
        return self._rpc.ask(Query("eth_getTransactionCount", [address, "latest"], parsing.quantity))

    def fees(self) -> Fees:
        base_fee = Query(
            "eth_getBlockByNumber", ["latest", False], lambda value: parsing.quantity(value["baseFeePerGas"])
        )
        tip = Query("eth_maxPriorityFeePerGas", [], parsing.quantity)
        base_fee_wei, tip_wei = self._rpc.ask_batch([base_fee, tip])
        return Fees(max_fee_per_gas=2 * base_fee_wei + tip_wei, max_priority_fee_per_gas=tip_wei)

    def broadcast(self, raw: bytes) -> str:
        tx_hash = "0x" + keccak(raw).hex()
        answers = self._rpc.ask_every(Query("eth_sendRawTransaction", ["0x" + raw.hex()], _exactly(tx_hash)))
        failures = [answer for answer in answers if isinstance(answer, VendorError)]
        if len(failures) < len(answers):
            return tx_hash
        # "nonce too low" and "already known" are what a node says of our own transaction, too
        if any(failure.vendor_code for failure in failures) and self._is_known(tx_hash):
            return tx_hash
        raise min(failures, key=lambda failure: (Uncertain, Rejected, Unavailable).index(type(failure)))

    def _is_known(self, tx_hash: str) -> bool:
        """Whether any node has the transaction, in its pool or in a block."""
        known: Query[bool] = Query("eth_getTransactionByHash", [tx_hash], _is_transaction(tx_hash))
        answers = self._rpc.ask_every(known)
        if True not in answers and False not in answers:
            raise Uncertain("no node says whether it has the transaction")
        return True in answers

    # --- State ----------------------------------------------------------------------------------------------------

    def code_hash(self, address: str) -> str | None:
        code = self.code(address)
        return "0x" + keccak(code).hex() if code else None

    def code(self, address: str) -> bytes:
        return self._rpc.ask(Query("eth_getCode", [address, "latest"], parsing.data))

    def native_balance(self, address: str) -> int:
        return self._rpc.ask(Query("eth_getBalance", [address, "latest"], parsing.quantity))

    def balance_of(self, *, contract: str, holder: str, block: int | None = None) -> int:
        return self._read(contract, block, "balanceOf", holder)

    def total_supply(self, *, contract: str, block: int | None = None) -> int:
        return self._read(contract, block, "totalSupply")

    def is_mint_key_used(self, *, contract: str, mint_key: str, block: int | None = None) -> bool:
        return bool([0, 1].index(self._read(contract, block, "usedBrokerTrade", keccak(text=mint_key))))

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
        return with_reserve(self._rpc.ask(_estimate(transaction)))

    # --- Private --------------------------------------------------------------------------------------------------

    def _read(self, contract: str, block: int | None, function: str, *arguments: object) -> int:
        """A view's one word. Rejected, vendor_code "NoCode": no contract is there at that block (yet)."""
        transaction = {"to": contract, "data": abi.encode_call(function, *arguments)}
        at = "latest" if block is None else hex(block)
        answer = self._rpc.ask(Query("eth_call", [transaction, at], parsing.data))
        if not answer:
            raise Rejected(f"there is no contract at {contract} at block {at}", vendor_code="NoCode")
        if len(answer) != 32:
            raise Unavailable(f"{function} answered {len(answer)} bytes instead of 32")
        return int.from_bytes(answer)

    def _logs(self, wanted: dict[str, Any], first: int, last: int, parse: Callable[[Any], list[Log]]) -> list[Log]:
        if first > last:
            return []
        span = {**wanted, "fromBlock": hex(first), "toBlock": hex(last)}
        try:
            return self._rpc.ask(Query("eth_getLogs", [span], parse))
        except (Rejected, Unavailable) as error:
            if first == last or not error.vendor_code:
                raise
        # the node answered that it will not: each caps ranges and results differently, and says so in its own words
        middle = (first + last) // 2
        return self._logs(wanted, first, middle, parse) + self._logs(wanted, middle + 1, last, parse)


def with_reserve(estimated_gas: int) -> int:
    """A quarter more than estimated, rounded up: the state may change before the transaction is mined."""
    return (estimated_gas * 5 + 3) // 4


def _block(number: int) -> Query[Header | None]:
    return Query("eth_getBlockByNumber", [hex(number), False], parsing.header_or_none)


def _estimate(transaction: dict[str, Any]) -> Query[int]:
    return Query("eth_estimateGas", [transaction, "pending"], parsing.quantity)


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
