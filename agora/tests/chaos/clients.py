"""Integrators as they should be: a request without an answer is sent again, as it was, until it has one."""

from __future__ import annotations

import dataclasses
import random
import threading
import time
import uuid
from collections import Counter
from decimal import Decimal
from typing import Any

import requests

TIMEOUT = (2, 15)
AGAIN = frozenset({409, 429})  # in flight elsewhere; too fast
DOUBLED = 0.1  # of the orders that are sent once more after their answer
CANCELLED = 0.25  # of the orders that are cancelled at once


@dataclasses.dataclass(frozen=True, kw_only=True)
class Placed:
    """An order that the API accepted."""

    order_id: str
    symbol: str
    quantity: Decimal
    wallet: str
    token: str


class Journal:
    """What all clients were told. Shared between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.placed: list[Placed] = []
        self.cancelled: set[str] = set()  # ids of the orders that were asked to be
        self.problems: list[str] = []
        self.answers: Counter[str] = Counter()
        self.answered_at: list[float] = []

    def note(self, answer: str) -> None:
        with self._lock:
            self.answers[answer] += 1
            if answer.isdecimal() and int(answer) < 500:
                self.answered_at.append(time.time())


class Client(threading.Thread):
    def __init__(
        self, *, url: str, wallet: str, token: str, seed: str, journal: Journal, symbols: tuple[str, ...], pause: float
    ) -> None:
        super().__init__(daemon=True)
        self._url, self._wallet, self._journal, self._symbols, self._pause = url, wallet, journal, symbols, pause
        self._token = token
        self._random = random.Random(seed)
        self._enough = threading.Event()
        self._given_up = threading.Event()

    def end(self) -> None:
        """No new orders; the one under way is still asked for until it is answered."""
        self._enough.set()

    def give_up(self) -> None:
        self._given_up.set()

    def run(self) -> None:
        while not self._enough.wait(self._random.uniform(0.2, 1.8) * self._pause):
            self._order()

    def _order(self) -> None:
        dice = self._random
        symbol = dice.choice(self._symbols)
        quantity = Decimal(dice.randrange(10**7, 3 * 10**9)).scaleb(-9)  # all nine decimals; worth a dollar and more
        body = {"asset": symbol, "quantity": f"{quantity:f}", "recipient_wallet": self._wallet}
        key = str(uuid.UUID(int=dice.getrandbits(128)))
        headers = {}
        # An integrator names the order, or the request, or both.
        if (way := dice.randrange(3)) != 0:
            headers["Idempotency-Key"] = f'"{key}"'
        if way != 1:
            body["client_order_id"] = key
        answer = self._until_answered("orders", body, headers)
        if answer is None:
            return
        placed = Placed(
            order_id=answer["order_id"], symbol=symbol, quantity=quantity, wallet=self._wallet, token=self._token
        )
        self._journal.placed.append(placed)
        if dice.random() < DOUBLED:
            second = self._until_answered("orders", body, headers)
            if second is not None and second["order_id"] != placed.order_id:
                self._journal.problems.append(f"{key} made two orders: {placed.order_id} and {second['order_id']}")
        if dice.random() < CANCELLED:
            self._journal.cancelled.add(placed.order_id)
            self._until_answered(f"orders/{placed.order_id}/cancel", {}, {}, refusals=(409, 422))

    def _until_answered(
        self, path: str, body: dict[str, Any], headers: dict[str, str], refusals: tuple[int, ...] = ()
    ) -> dict[str, Any] | None:
        """The JSON of a success; None for a refusal that was to be expected, or when we are told to give up."""
        headers = {"Authorization": f"Bearer {self._token}", **headers}
        while not self._given_up.is_set():
            try:
                answer = requests.post(f"{self._url}/api/v1/{path}", json=body, headers=headers, timeout=TIMEOUT)
            except requests.RequestException as error:
                self._journal.note(type(error).__name__)
            else:
                self._journal.note(str(answer.status_code))
                if answer.status_code in (200, 201, 202):
                    return dict(answer.json())
                if answer.status_code in refusals and answer.json().get("code") != "idempotency_in_flight":
                    return None
                if answer.status_code not in AGAIN and answer.status_code < 500:
                    self._journal.problems.append(f"{path} was refused: {answer.status_code} {answer.text[:300]}")
                    return None
            self._given_up.wait(self._random.uniform(0.2, 1.0))
        self._journal.problems.append(f"{path} was never answered: {body}")
        return None
