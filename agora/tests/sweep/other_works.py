"""Work that is not an order: identity checks, reports, reconciliation, deployments."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from uuid import UUID

from eth_utils.crypto import keccak

from accounts.sandbox.process import Control
from agora.lib import ids
from agora.tests import e2e
from agora.tests.e2e import Effects, one_of_each
from agora.tests.sweep.works import MOST, Work
from agora.tests.sweep.yard import Yard

STOPPED = "TransfersStopped(address)"


class Checking(Work):
    """Applicants whose identity the provider checks."""

    def __init__(self, yard: Yard) -> None:
        super().__init__(yard)
        self._ids: list[str] = []
        self._control: Control = yard.kyc.control
        self._mark = max((entry["id"] for entry in self._control.log()), default=0)

    def begin(self, hits: int) -> None:
        for _ in range(hits):
            self._apply()

    def more(self) -> None:
        if len(self._ids) < 3 * MOST:
            self._apply()

    def is_done(self) -> bool:
        return set(self.yard.call("kyc_statuses", self._ids)) == {"APPROVED"}

    def faults(self) -> list[str]:
        """One applicant for each customer at the provider, and one check of each."""
        entries = self._control.log(after=self._mark)
        created = Counter(e["external_user_id"] for e in entries if e["kind"] == "applicant_created")
        checks = Counter(e["applicant_id"] for e in entries if e["kind"] == "check_requested")
        ours = {ids.kyc_user_id(UUID(customer_id)): 1 for customer_id in self._ids}
        found = [f"applicants {created}, wanted {ours}"] if created != ours else []
        return found + ([f"checks {checks}"] if set(checks.values()) != {1} or len(checks) != len(ours) else [])

    def _apply(self) -> None:
        self._ids.append(self.yard.call("apply_as_customer"))


class Reporting(Work):
    """Reserve reports that are asked for, drafted, approved and signed."""

    _bought = False

    def begin(self, hits: int) -> None:
        if not self.yard.chain.supply():  # a report of nobody's tokens is none
            self.yard.until_minted(self.yard.place("0.25"), within=60.0)
            self._bought = True
        self.yard.chain.mine(20)
        for _ in range(hits):
            self.yard.call("ask_report")

    def expected(self) -> Effects:
        return one_of_each("0.25") if self._bought else Effects()

    def more(self) -> None:
        self.yard.call("approve_reports")

    def is_done(self) -> bool:
        self.yard.call("approve_reports")
        counts = self.yard.call("reports")
        return bool(counts["asked"] == counts["drafted"] == counts["signed"])


class Reconciling(Work):
    """Comparisons of the books that staff ask for."""

    def __init__(self, yard: Yard) -> None:
        super().__init__(yard)
        self._asked_at = time.monotonic()

    def begin(self, hits: int) -> None:
        self.yard.chain.mine(20)
        self._asked_at = time.monotonic()
        for _ in range(2 * hits):
            self.yard.call("ask_reconciliation")

    def more(self) -> None:
        self.yard.call("ask_reconciliation")

    def heal(self) -> None:
        """The task went down with its worker; django-q2 gives it to another only after its `retry`: staff ask again."""
        self._asked_at = time.monotonic()
        self.yard.call("ask_reconciliation")

    def is_done(self) -> bool:
        return bool(self.yard.call("runs_since", time.monotonic() - self._asked_at))


class Deploying(Work):
    """Tokens set up by a command, which is run again when it was killed."""

    def __init__(self, yard: Yard) -> None:
        super().__init__(yard)
        self._symbols: list[str] = []
        self._first_block = int(yard.chain.rpc("eth_blockNumber"), 16) + 1

    def deploy(self, *, crash_at: str, hits: int) -> bool:
        """Set so many tokens up, dying on the way; whether it died."""
        fresh = [f"S{secrets.token_hex(3).upper()}" for _ in range(hits)]
        self._symbols += fresh
        return self.yard.call("deploy", fresh, crash_at=crash_at) is None

    def heal(self) -> None:
        self.yard.call("deploy", self._symbols)

    def is_done(self) -> bool:
        return True

    def faults(self) -> list[str]:
        """One token and two creations each, by our rows and by the chain's own blocks."""
        rows = self.yard.call("deployed", self._symbols)
        found = [f"{self._symbols}: {rows}"] if rows != [[1, 2]] * len(self._symbols) else []
        head = int(self.yard.chain.rpc("eth_blockNumber"), 16)
        blocks = (
            self.yard.chain.rpc("eth_getBlockByNumber", hex(number), True)
            for number in range(self._first_block, head + 1)
        )
        creations = sum(tx["to"] is None for block in blocks for tx in block["transactions"])
        wanted = 2 * len(self._symbols)
        return found + ([f"{creations} contracts created, wanted {wanted}"] if creations != wanted else [])


class Stopping(Work):
    """Stops of transfers on the chain, one after the other."""

    def __init__(self, yard: Yard) -> None:
        super().__init__(yard)
        self._ids: set[str] = set()
        self._first_block = int(yard.chain.rpc("eth_blockNumber"), 16) + 1

    def begin(self, hits: int) -> None:
        for number in range(1, hits + 1):
            self._ids.add(self.yard.call("stop_transfers"))
            if number < hits:
                self.yard.until(lambda: self._is_there() or self._is_dead(), within=10.0)

    def more(self) -> None:
        self._ids.add(self.yard.call("stop_transfers"))

    def is_done(self) -> bool:
        return self._is_there()

    def faults(self) -> list[str]:
        """One event of the contract for each, by the transaction that its row names."""
        asked = {"address": self.yard.chain.token, "fromBlock": hex(self._first_block)}
        logs = self.yard.chain.rpc("eth_getLogs", {**asked, "topics": ["0x" + keccak(text=STOPPED).hex()]})
        seen, said = (
            sorted(log["transactionHash"] for log in logs),
            self.yard.call("stops", sorted(self._ids))["hashes"],
        )
        return [f"stops {seen}, wanted {said}"] if seen != said else []

    def _is_there(self) -> bool:
        return bool(self.yard.call("stops", sorted(self._ids))["there"] == len(self._ids))

    def _is_dead(self) -> bool:
        return any(e2e.is_dead(process) for process in self.yard.family("worker"))
