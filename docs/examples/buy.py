"""Buy 0.25 AAPL from nothing: sign in with a wallet or a key, order, wait until the tokens are there.

    AGORA_URL=http://localhost:8000 AGORA_KEY=agora_test_… python docs/examples/buy.py

Needs `requests` alone. Every call may be repeated safely: the order has an id of ours, the reads change nothing.
"""

from __future__ import annotations

import os
import time
from typing import Any
from uuid import uuid4

import requests

DONE = {"MINT_CONFIRMED", "SETTLED"}
FAILED = {"REJECTED", "CANCELLED", "EXPIRED"}


class Agora:
    def __init__(self, url: str, key: str) -> None:
        self._url = f"{url}/api/v1"
        self._http = requests.Session()
        self._http.headers["Authorization"] = f"Bearer {key}"

    def call(self, method: str, path: str, *, attempts: int = 5, **more: Any) -> Any:
        """One call, again where the API says that it may succeed later, or says nothing at all."""
        for attempt in range(attempts):
            try:
                answer = self._http.request(method, f"{self._url}/{path}", timeout=(3, 20), **more)
            except (requests.ConnectionError, requests.Timeout):  # it may have happened: our ids make a repeat safe
                time.sleep(2**attempt / 4)
                continue
            if answer.ok:
                return answer.json()
            if answer.status_code in (409, 429, 503) and "Retry-After" in answer.headers:
                time.sleep(int(answer.headers["Retry-After"]))
                continue
            problem = answer.json()
            raise SystemExit(f"{problem['code']}: {problem['detail']} (see {problem['type']})")
        raise SystemExit(f"{method} {path}: no answer after {attempts} attempts")


def buy(url: str, key: str, *, asset: str, quantity: str) -> dict[str, Any]:
    """The order, minted."""
    agora = Agora(url, key)
    me = agora.call("GET", "users/me")
    wallet = me["wallets"][0]
    order_id = f"example-{uuid4()}"  # keep it with your own record before you send it
    body = {"asset": asset, "quantity": quantity, "recipient_wallet": wallet, "client_order_id": order_id}
    order = agora.call("POST", "orders", json=body)
    while order["status"] not in DONE:
        if order["status"] in FAILED:
            raise SystemExit(order["message"])
        time.sleep(0.5)
        order = agora.call("GET", f"orders/{order['order_id']}")
        print(f"{order['status']:<18} {order['message']}")  # noqa: T201 - an example shows what it does
    (balance,) = agora.call("GET", f"users/{me['customer_id']}/balance")["results"]
    print(f"{balance['wallet']} holds {balance['balance']} {balance['token_symbol']}, by {order['mint_tx_hash']}")  # noqa: T201
    return dict(order)


if __name__ == "__main__":
    buy(os.environ["AGORA_URL"], os.environ["AGORA_KEY"], asset="AAPL", quantity="0.25")
