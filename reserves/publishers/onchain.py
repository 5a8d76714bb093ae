"""Bringing reports to a token's ReserveOracle, from an account of no rights: who brings one does not matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minting.chains import abi
from minting.chains.artifact import ORACLE
from minting.chains.base import Fees
from minting.chains.operator import Call, Operator
from reserves.attestors.base import Report

if TYPE_CHECKING:
    from minting.chains.base import Receipt
    from minting.chains.evm import EvmChain


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The report that the oracle has accepted last; sequence 0: none."""

    reserves_wei: int
    as_of: int
    valid_until: int  # 0: withdrawn with its attestors
    sequence: int


class OnchainPublisher:
    def __init__(self, chain: EvmChain, key: str) -> None:
        self._chain = chain
        self._operator = Operator(chain, key)

    @property
    def address(self) -> str:
        return self._operator.address

    def standing(self, oracle: str) -> Standing:
        reserves_wei, as_of, valid_until, sequence = self._chain.read(
            contract=oracle, function="latestReport", of=ORACLE
        )
        return Standing(reserves_wei=reserves_wei, as_of=as_of, valid_until=valid_until, sequence=sequence)

    def chain_time(self) -> int:
        """Seconds, by the block that is being made: no report can be of later."""
        return self._chain.pending_time()

    def next_nonce(self) -> int:
        return self._chain.next_nonce(self.address)

    def check(self, oracle: str, report: Report, signatures: Sequence[bytes]) -> int:
        """The gas limit of its submission, behind what waits in the pool. Rejected: the oracle would refuse it."""
        return self._chain.simulate(sender=self.address, to=oracle, data=_calldata(report, signatures))

    def fees(self) -> Fees:
        """Twice a mint's: within a block, the report goes before the mints that it covers."""
        fees = self._chain.fees()
        tip = 2 * fees.max_priority_fee_per_gas + 1
        return Fees(max_fee_per_gas=2 * fees.max_fee_per_gas + tip, max_priority_fee_per_gas=tip)

    def sign(
        self, oracle: str, report: Report, signatures: Sequence[bytes], *, nonce: int, gas: int, fees: Fees
    ) -> tuple[bytes, str]:
        """The transaction's bytes and hash. Nothing is sent: keep them first."""
        call = Call(to=oracle, data=_calldata(report, signatures))
        return self._operator.sign(call, nonce=nonce, gas=gas, fees=fees)

    def broadcast(self, raw: bytes) -> str:
        return self._chain.broadcast(raw)

    def receipts(self, tx_hashes: list[str]) -> dict[str, Receipt]:
        return self._chain.receipts(tx_hashes)


def _calldata(report: Report, signatures: Sequence[bytes]) -> str:
    return abi.encode_call("submit", report.as_tuple(), list(signatures), of=ORACLE)
