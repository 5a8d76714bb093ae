"""What a process has in hand when it dies: how it comes about, when it is complete, what the outside world then shows.

A work begins, is given more until somebody died of it, is healed of what held it up, and is done when all that it
began is complete. It may serve several deaths in a row.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import requests

from agora.tests.e2e import MINTED, TIMEOUT, Effects
from agora.tests.sweep.yard import Yard

MOST = 14  # orders for one death


class Work:
    """Nothing to do; the parts that a kind of work replaces."""

    more_every = 0.6  # seconds

    def __init__(self, yard: Yard) -> None:
        self.yard = yard

    def begin(self, hits: int) -> None:
        """As much as takes a process past its point so often."""

    def more(self) -> None:
        """Some more of it: nobody has died yet."""

    def heal(self) -> None:
        """Remove what held it up; the processes run again."""

    def is_done(self) -> bool:
        raise NotImplementedError

    def expected(self) -> Effects:
        return Effects()

    def faults(self) -> list[str]:
        """What is wrong beside the counted effects."""
        return []

    def describe(self) -> str:
        """What is not complete."""
        return ""


class Buying(Work):
    """Orders that are filled, held and minted."""

    def __init__(self, yard: Yard) -> None:
        super().__init__(yard)
        self.quantities: dict[str, Decimal] = {}  # by order id
        self._unsure: dict[str, Decimal] = {}  # by client_order_id: nobody answered
        self._open: set[str] = set()
        self._begun = 0

    def begin(self, hits: int) -> None:
        self._begun = 0
        for _ in range(hits):
            self.buy()

    def more(self) -> None:
        if self._begun < MOST:
            self.buy()

    def heal(self) -> None:
        for client_order_id, quantity in list(self._unsure.items()):
            answer = self.yard.post(str(quantity), client_order_id=client_order_id)
            assert answer.status_code in (200, 201), answer.text
            self._took(answer, self._unsure.pop(client_order_id))

    def is_done(self) -> bool:
        self._open = {order_id for order_id in self._open if not self._is_complete(self.yard.order(order_id))}
        return not self._open

    def expected(self) -> Effects:
        count = len(self.quantities)
        return Effects(count, count, count, count, sum(self.quantities.values(), Decimal(0)))

    def faults(self) -> list[str]:
        """Every order's one custody record and one mint; each of our ids once in each log of theirs."""
        found = []
        for order_id in self.quantities:
            each = (len(self.yard.custody_of(order_id)), len(self.yard.mints_of(order_id)))
            if each != (1, 1):
                found.append(f"order {order_id} has {each} custody records and mints")
        return found

    def describe(self) -> str:
        return str(self.yard.call("describe", sorted(self._open)))

    def buy(self) -> str:
        """Place one; its id, "" when nobody answered."""
        self._begun += 1
        quantity, client_order_id = self.yard.new_quantity(), str(uuid.uuid4())
        self.prepare(quantity)
        try:
            answer = self.yard.post(str(quantity), client_order_id=client_order_id)
        except requests.RequestException:
            self._unsure[client_order_id] = quantity
            return ""
        assert answer.status_code == 201, answer.text
        return self._took(answer, quantity)

    def prepare(self, quantity: Decimal) -> None:
        """Before an order of that quantity, which no other of this work has, is placed."""

    def _took(self, answer: requests.Response, quantity: Decimal) -> str:
        order_id = str(answer.json()["order_id"])
        self.quantities[order_id] = quantity
        self._open.add(order_id)
        return order_id

    def _is_complete(self, order: dict[str, Any]) -> bool:
        return order["status"] in MINTED


class BuyingAnnounced(Buying):
    """An integrator's endpoint hears of each order. Whose attempt died is presumed dead after 30 s."""

    def is_done(self) -> bool:
        return super().is_done() and all(len(ids) >= 1 for ids in self._heard().values())

    def faults(self) -> list[str]:
        wrong = {what: ids for what, ids in self._heard().items() if len(ids) != 1}
        return [*super().faults(), *([f"heard of under other than one id: {wrong}"] if wrong else [])]

    def _heard(self) -> dict[tuple[str, str], set[str]]:
        """The webhook-ids under which each order's two events came."""
        heard: dict[tuple[str, str], set[str]] = {
            (order_id, type): set() for order_id in self.quantities for type in ("order.filled", "order.minted")
        }
        for one in list(self.yard.receiver.heard):
            what = (str(one.event["data"].get("order_id")), str(one.event["type"]))
            if what in heard:
                heard[what].add(one.id)
        return heard


class BuyingUnheard(Buying):
    """The broker breaks off before it has taken the order: uncertain, looked up, told again."""

    def prepare(self, quantity: Decimal) -> None:
        self.yard.broker.scenario({"do": "drop", "when": "before"}, qty=str(quantity))


class BuyingRefused(Buying):
    """The broker refuses, however often it is asked."""

    def prepare(self, quantity: Decimal) -> None:
        self.yard.broker.scenario({"do": "reject", "status": 403}, qty=str(quantity), times=None)

    def expected(self) -> Effects:
        return Effects()

    def faults(self) -> list[str]:
        return []

    def _is_complete(self, order: dict[str, Any]) -> bool:
        return order["status"] == "REJECTED"


class Cancelling(Buying):
    """Orders that wait at the broker and are cancelled."""

    def __init__(self, yard: Yard) -> None:
        super().__init__(yard)
        self._asked: set[str] = set()

    def prepare(self, quantity: Decimal) -> None:
        self.yard.broker.scenario({"do": "hold"}, qty=str(quantity))

    def more(self) -> None:
        self._cancel()
        super().more()

    def is_done(self) -> bool:
        self._cancel()
        return super().is_done()

    def expected(self) -> Effects:
        return Effects(broker_orders=len(self.quantities))

    def faults(self) -> list[str]:
        return []

    def _cancel(self) -> None:
        for order_id in sorted(self._open - self._asked):
            if self.yard.order(order_id)["status"] == "SUBMITTED":
                url = f"{self.yard.layout.web_url}/api/v1/orders/{order_id}/cancel"
                answer = requests.post(url, headers=self.yard._auth(), timeout=TIMEOUT)
                assert answer.status_code in (200, 202), answer.text
                self._asked.add(order_id)

    def _is_complete(self, order: dict[str, Any]) -> bool:
        return order["status"] == "CANCELLED"


class BuyingSlowlySigned(Buying):
    """The custodian takes longer over a signature than anybody waits for it."""

    def prepare(self, quantity: Decimal) -> None:
        self.yard.custodian.scenario(match={"operation": "RAW"}, delay=3.6)

    def heal(self) -> None:
        super().heal()
        self.yard.custodian.clear_scenarios()


class BuyingDeafly(Buying):
    """The stream breaks off again and again: what was missed is listed."""

    def more(self) -> None:
        self.yard.broker.disconnect()
        super().more()


class BuyingUnmined(Buying):
    """No block takes anything in until somebody has died."""

    def begin(self, hits: int) -> None:
        self.yard.chain.rpc("evm_setIntervalMining", 0)
        super().begin(hits)

    def heal(self) -> None:
        super().heal()
        self.yard.chain.rpc("evm_setIntervalMining", 1)


class BuyingReverted(BuyingUnmined):
    """The block that takes a mint in reverts it."""

    def more(self) -> None:
        chain = self.yard.chain
        sent = [o for o in self._open if any(mint["status"] == "SENT" for mint in self.yard.mints_of(o))]
        if sent:
            code = chain.rpc("eth_getCode", chain.token, "latest")
            chain.rpc("anvil_setCode", chain.token, "0xfe")  # INVALID: whatever is called reverts
            chain.mine(1)
            chain.rpc("anvil_setCode", chain.token, code)
            chain.mine(13)  # and what was looked for meanwhile is there again
        elif self._begun < MOST:
            self.buy()


class BuyingAmidReorgs(Buying):
    """Blocks with mints leave the chain."""

    def more(self) -> None:
        if any(order["status"] in MINTED for order in map(self.yard.order, self.quantities)):
            self.yard.chain.rpc("anvil_reorg", 2, [])
        super().more()


class BuyingToTheEnd(Buying):
    """Until it is settled, under as many blocks as that takes."""

    def more(self) -> None:
        super().more()
        self._deepen()

    def is_done(self) -> bool:
        done = super().is_done()
        if not done:
            self._deepen()
        return done

    def _deepen(self) -> None:
        if any(order["status"] == "MINT_CONFIRMED" for order in map(self.yard.order, self._open)):
            self.yard.chain.mine(13)

    def _is_complete(self, order: dict[str, Any]) -> bool:
        return order["status"] == "SETTLED"


class BuyingOnce(Buying):
    """Requests that are not answered, and are repeated with their Idempotency-Key."""

    def __init__(self, yard: Yard) -> None:
        super().__init__(yard)
        self._keys: dict[str, Decimal] = {}

    def buy(self) -> str:
        self._begun += 1
        quantity, key = self.yard.new_quantity(), str(uuid.uuid4())
        try:
            answer = self._post(quantity, key)
        except requests.RequestException:
            self._keys[key] = quantity
            return ""
        return self._took(answer, quantity)

    def heal(self) -> None:
        for key, quantity in list(self._keys.items()):
            early = self._post(quantity, key)
            if early.status_code == 409:
                assert early.json()["code"] == "idempotency_in_flight", early.text
                self.yard.call("lapse_claims")  # as if a minute had gone by
            late, again = self._post(quantity, key), self._post(quantity, key)
            assert (again.headers.get("Idempotency-Replayed"), again.content) == ("true", late.content)
            self._took(late, self._keys.pop(key))

    def _post(self, quantity: Decimal, key: str) -> requests.Response:
        body = {"asset": "AAPL", "quantity": str(quantity), "recipient_wallet": self.yard.wallet}
        headers = {**self.yard._auth(), "Idempotency-Key": f'"{key}"'}
        return requests.post(f"{self.yard.layout.web_url}/api/v1/orders", json=body, headers=headers, timeout=TIMEOUT)
