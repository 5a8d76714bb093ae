"""The platform as its customers and operators meet it: processes, HTTP, the vendors' own logs, the chain's JSON-RPC.

    @pytest.fixture(scope="module")
    def platform(tmp_path_factory):
        with e2e.running(tmp_path_factory.mktemp("platform")) as platform:
            yield platform

Nothing here shares memory, a database connection or code of the loop with what it looks at.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import psutil
import requests
from eth_abi import decode, encode
from eth_utils.crypto import keccak

from agora.lib import platform
from agora.lib.embedded import server
from agora.lib.supervisor import Service, Supervisor
from agora.tests.migrated import copy_migrated
from custody.sandbox.process import Control as CustodianControl
from orders.sandbox.process import Control as BrokerControl

T = TypeVar("T")
TIMEOUT = (2, 10)
OUTSIDE = ("chain", "broker", "custodian")
OURS = ("signer", "web", "worker", "follower")
SMALL_PROFILE = ("signer", "front", "back")  # `manage.py run`: the same, and stream, in two families
MINTED = ("MINT_CONFIRMED", "SETTLED")
ENDS = frozenset({"SETTLED", "REJECTED", "CANCELLED", "EXPIRED"})
LOOK_EVERY = 0.03
PATIENCE = 90.0  # seconds: three test workers on two slow cores make everything come late, and nothing wrong


@dataclasses.dataclass(frozen=True)
class Effects:
    """What happened in the outside world, as it says itself. Subtract an earlier look to see what happened since."""

    broker_orders: int = 0
    custody_transfers: int = 0
    signatures: int = 0  # but for those of mints that reverted, being in a block ahead of their reserve report
    mints: int = 0
    minted: Decimal = Decimal(0)

    def __sub__(self, before: Effects) -> Effects:
        ours, theirs = dataclasses.astuple(self), dataclasses.astuple(before)
        return Effects(*(now - then for now, then in zip(ours, theirs, strict=True)))


NOTHING = Effects()

# Nudges after 1 s instead of 4: it saves a minute, and makes them cross with work under way.
HASTE = {"NUDGE_AFTER": "1", "UNCERTAIN_GRACE": "1"}

# For drills in which follower and worker stand still for a while, and which are not about prices.
OLD_PRICES = dict.fromkeys(("PRICE_FRESH", "PRICE_MAX_AGE", "PRICE_MAX_UNTRADED", "MARKET_CLOCK_MAX_AGE"), "7200")


def one_of_each(quantity: str) -> Effects:
    """The trace of one order that went well."""
    return Effects(1, 1, 1, 1, Decimal(quantity))


class Chain:
    """The local chain by bare JSON-RPC."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.token = self.minter = ""

    def rpc(self, method: str, *params: Any) -> Any:
        answer = self._post(method, params)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def balance(self, holder: str) -> Decimal:
        return self._amount("balanceOf(address)", ["address"], [holder])

    def supply(self, at: str = "latest") -> Decimal:
        return self._amount("totalSupply()", [], [], at)

    def minted(self, at: str = "latest") -> list[tuple[str, Decimal]]:
        """(mint key, tokens) of every Minted log there is, oldest first; as many Transfers stand beside them."""
        logs = self.rpc("eth_getLogs", {"address": self.token, "fromBlock": "0x0", "toBlock": at})
        ours = [log for log in logs if log["topics"][0] == _topic("Minted(bytes32,address,uint256,string)")]
        transfers = [log for log in logs if log["topics"][0] == _topic("Transfer(address,address,uint256)")]
        assert len(transfers) == len(ours)
        facts = [decode(["uint256", "string"], bytes.fromhex(log["data"][2:])) for log in ours]
        return [(key, _shares(amount)) for amount, key in facts]

    def transactions(self, at: str = "latest") -> int:
        """How many transactions of the minting key are in blocks."""
        return int(self.rpc("eth_getTransactionCount", self.minter, at), 16)

    def reverted(self, at: str = "latest") -> int:
        """How many mints are in blocks with status 0: the minting key does nothing but mint."""
        return self.transactions(at) - len(self.minted(at))

    def refusal_of_mint(self, *, to: str, amount_wei: int, mint_key: str) -> tuple[str, ...]:
        """What the contract answers to the minter asking for this: the error and its values; () if it would mint."""
        types, values = ["address", "uint256", "string"], [to, amount_wei, mint_key]
        call = {"from": self.minter, "to": self.token, "data": _data("mint(address,uint256,string)", types, values)}
        error = self._post("eth_call", [call, "latest"]).get("error")
        if error is None:
            return ()
        data = bytes.fromhex(error["data"][2:])
        for name, types in (("BrokerTradeAlreadyUsed", ["string"]), ("ReservesInsufficient", ["uint256", "uint256"])):
            signature = f"{name}({','.join(types)})"
            if data[:4] == keccak(text=signature)[:4]:
                return (signature, *decode(types, data[4:]))
        raise AssertionError(error)

    def mine(self, blocks: int) -> None:
        for _ in range(blocks):
            self.rpc("evm_mine")

    def _amount(self, signature: str, types: list[str], values: list[Any], at: str = "latest") -> Decimal:
        call = {"to": self.token, "data": _data(signature, types, values)}
        return _shares(int(self.rpc("eth_call", call, at), 16))

    def _post(self, method: str, params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        return requests.post(self._url, json=body, timeout=TIMEOUT).json()


class Platform:
    """A running platform, and a hand on each of its processes."""

    def __init__(self, layout: platform.Layout) -> None:
        self.layout = layout
        self.broker = BrokerControl(layout.broker_url)
        self.custodian = CustodianControl(layout.custodian_url)
        self.chain = Chain(layout.chain_url)
        self.wallet = ""
        self._token = ""
        self._running: dict[str, Supervisor] = {}
        self._started: dict[str, None] = {}  # every service there ever was, in the order of their first start

    # Processes.
    def start(self, name: str, **env: str) -> None:
        """Start a service, with settings of its own; returns when it is ready."""
        self._started[name] = None
        service = self._service(name)
        service = dataclasses.replace(service, env={**service.env, **env}, ready_within=PATIENCE)
        supervisor = Supervisor([service], logs=self.layout.home / "logs", echo=False)
        self._running[name] = supervisor.__enter__()

    def mend(self) -> None:
        """Start again what a test that failed has left dead, and let its orders end: so that one failure stays one."""
        pids = self.pids()
        dead = [name for name in self._started if name not in pids or not _is_up(pids[name])]
        for name in dead:
            if name in self._running:
                self.stop(name)
            self.start(name)
        if dead:
            self.until(lambda: all(order["status"] in {*MINTED, *ENDS} for order in self._get("orders")["results"]))

    def stop(self, name: str) -> None:
        """Ask a service to end, as a supervisor would."""
        self._running.pop(name).__exit__(None, None, None)

    def kill(self, name: str) -> float:
        """kill -9 of the service's process group; when that was. Everything that it had forked is gone then, too."""
        family = self.family(name)
        os.killpg(family[0].pid, signal.SIGKILL)
        killed_at = time.monotonic()
        self.until(lambda: all(map(is_dead, family)), within=10.0)
        self.stop(name)
        return killed_at

    def family(self, name: str) -> list[psutil.Process]:
        """The service's process and all below it."""
        head = psutil.Process(self._running[name].pid_of(name))
        return [head, *head.children(recursive=True)]

    def pids(self) -> dict[str, int]:
        """Of each service that runs, in the order of their start."""
        return {name: supervisor.pid_of(name) for name, supervisor in self._running.items()}

    def exit_code(self, name: str) -> int:
        """Of a service's process that has ended."""
        return self._running[name].exit_code_of(name)

    def stop_all(self) -> None:
        for name in reversed(list(self._running)):
            self.stop(name)
        self.broker.close()

    def manage(self, *arguments: str) -> str:
        return platform.manage(self.layout, *arguments)

    def python(self, code: str) -> str:
        """Run Python inside the installation; the last line that it printed."""
        return self.manage("shell", "--no-imports", "-c", code).splitlines()[-1]

    def violations(self) -> list[str]:
        """What `manage.py audit` complains of; [] when all invariants hold."""
        try:
            self.manage("audit")
        except platform.SetupFailed as failed:
            return [line for line in str(failed).splitlines() if line.startswith(("FAIL", "      "))] or [str(failed)]
        return []

    # The demo customer, over HTTP.
    def set_up(self) -> None:
        self.manage("setup_sandbox")
        demo = json.loads((self.layout.home / "demo.json").read_text())
        self.wallet, self._token = demo["wallet"], demo["api_token"]
        (token,) = json.loads(self.manage("tokens", "--json"))
        self.chain.token, self.chain.minter = token["address"], token["minter"]

    def post(
        self, quantity: str = "0.25", *, client_order_id: str = "", at: str = "", timeout: tuple[float, float] = (2, 60)
    ) -> requests.Response:
        """Order AAPL, at this web server or another one."""
        body = {"asset": "AAPL", "quantity": quantity, "recipient_wallet": self.wallet}
        body["client_order_id"] = client_order_id or str(uuid.uuid4())
        url = f"{at or self.layout.web_url}/api/v1/orders"
        return requests.post(url, json=body, headers=self._auth(), timeout=timeout)

    def place(self, quantity: str = "0.25", *, client_order_id: str = "") -> str:
        """Order AAPL; the order's id."""
        answer = self.post(quantity, client_order_id=client_order_id)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["order_id"])

    def order(self, order_id: str) -> dict[str, Any]:
        return self._get(f"orders/{order_id}")

    def custody_of(self, order_id: str) -> list[dict[str, Any]]:
        return self._get(f"orders/{order_id}/custody")["results"]

    def mints_of(self, order_id: str) -> list[dict[str, Any]]:
        return self._get(f"orders/{order_id}/mints")["results"]

    def until_status(self, order_id: str, *statuses: str, within: float = PATIENCE) -> dict[str, Any]:
        """Poll until the order has one of the statuses; fails at once when it ended in another."""

        def look() -> dict[str, Any] | None:
            order = self.order(order_id)
            assert order["status"] in statuses or order["status"] not in ENDS, f"ended otherwise: {order}"
            return order if order["status"] in statuses else None

        return self.until(look, within=within, order_id=order_id)

    def until_minted(self, order_id: str, within: float = PATIENCE) -> dict[str, Any]:
        return self.until_status(order_id, *MINTED, within=within)

    def until(self, look: Callable[[], T | None], *, within: float = PATIENCE, order_id: str = "") -> T:
        """Look until there is something to see; its value."""
        deadline = time.monotonic() + within
        while not (seen := look()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within:g} s\n{self._describe(order_id)}")
            time.sleep(LOOK_EVERY)
        return seen

    def _minted(self) -> tuple[str, list[tuple[str, Decimal]], Decimal]:
        """A block, all mints and the supply as of it; anvil counts a new block a moment before it has its logs."""
        for _ in range(20):
            at = self.chain.rpc("eth_blockNumber")
            minted, supply = self.chain.minted(at), self.chain.supply(at)
            if sum((amount for _, amount in minted), Decimal(0)) == supply:
                break
            time.sleep(LOOK_EVERY)
        return at, minted, supply

    # The outside world's own word.
    def effects(self) -> Effects:
        at, minted, supply = self._minted()
        total = sum((amount for _, amount in minted), Decimal(0))
        assert len({key for key, _ in minted}) == len(minted), f"a mint key twice on-chain: {minted}"
        assert total == supply
        created = self.custodian.log(kind="transaction_created")
        return Effects(
            broker_orders=len(self.broker.log("effect", effect="order_created")),
            custody_transfers=sum(entry["operation"] == "TRANSFER" for entry in created),
            signatures=len(self.custodian.log(kind="signed")) - self.chain.reverted(at),
            mints=len(minted),
            minted=total,
        )

    def _service(self, name: str) -> Service:
        ours = {
            "signer": platform.signer_service,
            "web": platform.web_service,
            "worker": platform.worker_service,
            "follower": platform.follower_service,
            "front": platform.front_service,
            "back": platform.back_service,
        }
        if name in ours:
            return ours[name](self.layout)
        return next(service for service in platform.outside_services(self.layout) if service.name == name)

    def _auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _get(self, path: str) -> Any:
        answer = requests.get(f"{self.layout.web_url}/api/v1/{path}", headers=self._auth(), timeout=TIMEOUT)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        return answer.json()

    def _describe(self, order_id: str) -> str:
        words = [f"--- {name}\n{self._log_of(name)}" for name in OURS]
        if order_id:
            words = [str(look(order_id)) for look in (self.order, self.custody_of, self.mints_of)] + words
        return "\n".join(words)

    def _log_of(self, name: str) -> str:
        path = self.layout.home / "logs" / f"{name}.log"
        return "\n".join(path.read_text().splitlines()[-15:]) if path.exists() else ""


@contextmanager
def running(
    home: Path,
    *,
    block_time: int | None = 1,
    ours: Sequence[str] = OURS,
    prepare: Sequence[str] = (),
    **env: str,
) -> Iterator[Platform]:
    """All of it, set up, on free ports, with a database of its own; everything is stopped on the way out.

    `ours`: which of our own processes; `prepare`: commands to run before the set-up.
    """
    layout = platform.on_free_ports(home, block_time=block_time, **{"DATABASE_URL": "", "DEMO_TIER": "9", **env})
    if not layout.env()["DATABASE_URL"]:
        copy_migrated(layout.home)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    up = Platform(layout)
    try:
        for name in OUTSIDE:
            up.start(name)
        for command in prepare:
            up.manage(command)
        up.set_up()
        for name in ours:
            up.start(name)
        yield up
    finally:
        up.stop_all()
        server.stop(layout.home)
        for number, handler in handlers.items():  # the supervisors ended in another order than they began
            signal.signal(number, handler)


def is_dead(process: psutil.Process) -> bool:
    """Also when nobody has collected its exit code yet: in a container that may take long."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _is_up(pid: int) -> bool:
    return psutil.pid_exists(pid) and not is_dead(psutil.Process(pid))


def _topic(signature: str) -> str:
    return "0x" + keccak(text=signature).hex()


def _data(signature: str, types: list[str], values: list[Any]) -> str:
    return "0x" + (keccak(text=signature)[:4] + encode(types, values)).hex()


def _shares(amount_wei: int) -> Decimal:
    return Decimal(amount_wei).scaleb(-18)
