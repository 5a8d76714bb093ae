"""`manage.py demo`: buy 0.25 AAPL for a demo customer and watch it become tokens, from nothing."""

from __future__ import annotations

import json
import shutil
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agora.lib import platform
from agora.lib.anvil import AnvilError
from agora.lib.embedded import server
from agora.lib.money import plain
from agora.lib.supervisor import ServiceFailed, Supervisor

QUANTITY = Decimal("0.25")
DONE = {"MINT_CONFIRMED", "SETTLED"}
OUT = {"REJECTED", "CANCELLED", "EXPIRED"}
TIMEOUT = (2, 10)


class Command(BaseCommand):
    help = (
        "Start the platform afresh, buy 0.25 AAPL through the API, show each step, check it all, stop. Exit 0: it held."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--home", type=Path, default=settings.AGORA_HOME / "demo", help="emptied first")
        parser.add_argument("--within", type=float, default=60.0, metavar="SECONDS", help="for the order; default 60")

    def handle(self, *args: Any, **options: Any) -> None:
        home: Path = options["home"].resolve()
        server.stop(home)
        shutil.rmtree(home, ignore_errors=True)
        layout = platform.on_free_ports(home, DATABASE_URL="")  # its own, afresh
        self.started = time.monotonic()
        try:
            with platform.running(layout, say=self._say) as supervisors:
                self._say(f"running: {layout.web_url}, logs in {home / 'logs'}")
                summary = self._buy(layout, supervisors, options["within"])
        except (ServiceFailed, platform.SetupFailed, AnvilError, requests.RequestException) as problem:
            raise CommandError(f"DEMO FAILED: {problem}") from problem
        self._say("stopped everything")
        self.stdout.write(summary)

    def _buy(self, layout: platform.Layout, supervisors: list[Supervisor], within: float) -> str:
        demo = json.loads((layout.home / "demo.json").read_text())
        api = requests.Session()
        api.headers["Authorization"] = f"Bearer {demo['api_token']}"
        body = {"asset": "AAPL", "quantity": str(QUANTITY), "recipient_wallet": demo["wallet"]}
        body["client_order_id"] = str(uuid4())
        answer = api.post(f"{layout.web_url}/api/v1/orders", json=body, timeout=TIMEOUT)
        if answer.status_code != 201:
            raise CommandError(f"DEMO FAILED: POST /api/v1/orders: {answer.status_code} {answer.text}")
        order = self._follow(api, f"{layout.web_url}{answer.headers['Location']}", supervisors, within)
        custody = api.get(f"{layout.web_url}/api/v1/orders/{order['order_id']}/custody", timeout=TIMEOUT).json()
        token = self._token(layout)
        minted = balance_of(layout.chain_url, token, demo["wallet"])
        held = sum((Decimal(row["quantity"]) for row in custody["results"] if row["status"] == "COMPLETED"), Decimal(0))
        self._say(f"the chain says: {plain(minted)} AAPL-RAT at {demo['wallet']}, token {token}")
        self._say(platform.manage(layout, "audit").strip().splitlines()[-1])
        if not Decimal(order["filled_quantity"]) == held == minted == QUANTITY:
            raise CommandError(f"DEMO FAILED: filled {order['filled_quantity']}, custody {held}, minted {minted}")
        return (
            f"DEMO OK order={order['order_id']} filled={order['filled_quantity']} custody={plain(held)} "
            f"minted={plain(minted)} tx={order['mint_tx_hash']} seconds={fill_to_mint(order):.2f}"
        )

    def _follow(self, api: requests.Session, url: str, supervisors: list[Supervisor], within: float) -> Any:
        """Poll the order until it is minted, saying each new thing it shows."""
        deadline, shown = time.monotonic() + within, ""
        while time.monotonic() < deadline:
            order = api.get(url, timeout=TIMEOUT).json()
            if order["status"] != shown:
                shown = order["status"]
                self._say(f"{shown:<18} {_evidence(order)}")
            if shown in DONE:
                return order
            if shown in OUT:
                raise CommandError(f"DEMO FAILED: {order['message']}")
            for supervisor in supervisors:
                supervisor.check()
            time.sleep(0.05)
        raise CommandError(f"DEMO FAILED: after {within:g} s the order is {shown}: {order['message']}")

    def _token(self, layout: platform.Layout) -> str:
        return str(json.loads(platform.manage(layout, "tokens", "--json"))[0]["address"])

    def _say(self, text: str) -> None:
        self.stdout.write(f"{time.monotonic() - self.started:6.2f} s  {text}")
        self.stdout.flush()


def balance_of(rpc_url: str, token: str, holder: str) -> Decimal:
    """ERC-20 balanceOf by a bare eth_call: a check that shares no code with what it checks."""
    data = "0x70a08231" + holder.removeprefix("0x").lower().rjust(64, "0")
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [{"to": token, "data": data}, "latest"]}
    answer = requests.post(rpc_url, json=call, timeout=TIMEOUT).json()
    return Decimal(int(answer["result"], 16)).scaleb(-18)


def fill_to_mint(order: Any) -> float:
    """Seconds from the fill to the mint's confirmation, by our own event times."""
    at = {step["name"]: datetime.fromisoformat(step["at"]) for step in order["steps"] if step["at"]}
    return (at["Minted"] - at["Filled"]).total_seconds()


def _evidence(order: Any) -> str:
    """The newest vendor id or hash of an order."""
    match order["status"]:
        case "PENDING" | "SUBMITTING":
            return f"order {order['order_id']}"
        case "FILLED":
            price = order["filled_avg_price_usd"]
            return f"{order['filled_quantity']} at US$ {price}, broker order {order['broker_order_id']}"
        case "CUSTODY_CONFIRMED":
            return f"custodian transaction {order['custody_reference']}"
        case "MINT_CONFIRMED" | "SETTLED":
            return f"mint {order['mint_tx_hash']}"
        case _:
            return f"broker order {order['broker_order_id']} ({order['broker_status']}) {order['message']}"
