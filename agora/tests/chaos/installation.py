"""The platform under chaos: two workers, three nodes before one chain, two tokens, several customers."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path

from agora.lib import anvil, platform
from agora.lib.ready import file_ready, free_port, port_ready
from agora.lib.supervisor import Service
from agora.tests.migrated import copy_migrated
from custody.sandbox.process import Control as CustodianControl
from minting.sandbox.process import Control as NodeControl
from orders.sandbox.process import Control as BrokerControl

NODES = ("fickle", "odd", "honest")
EPOCH_SLOTS = 12  # a block is final under two epochs: deeper than any reorg here, as on a chain that keeps its word
SYMBOLS = ("AAPL", "MSFT")
PATIENCE = 600.0  # seconds for setting up: this may be the twentieth thing on a small machine
AT_ONCE = (0.2, 0.5, 1.0)  # seconds to the first, second, … restart in a row: every crash here is ours

# Rows are nudged sooner than by default, so that a run of minutes has many nudges crossing with work under way.
HASTE = {"NUDGE_AFTER": "2", "UNCERTAIN_GRACE": "2", "DEMO_TIER": "9", "LOG_LEVEL": "WARNING"}

_SET_UP = """
import json
from decimal import Decimal
from django.core.management import call_command
from django.utils import timezone
from coincurve import PrivateKey
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from accounts.models import User
from agora.management import sandbox_signer
from accounts.services import approve_customer, bind_wallet, issue_api_token, register_customer, set_tier
from minting.models import Token
from orders.services import refresh_clock, refresh_prices, register_asset
limits = dict(min_quantity=Decimal("0.01"), max_quantity=Decimal(1000))
register_asset(symbol="MSFT", name="Microsoft", token_symbol="MSFT-RAT", **limits)
refresh_clock(now=timezone.now())
refresh_prices(now=timezone.now())
keys = sandbox_signer.make_keys()
call_command("deploy_token", "MSFT", minter=keys.minter, pauser=keys.pauser)
sandbox_signer.write_config(keys, contracts=[t.address for t in Token.objects.all()])
clients = []
for number in range({clients}):
    name, now = f"client-{{number}}", timezone.now()
    user = User.objects.create_user(name)
    customer = register_customer(user=user, full_name=name, country="BR", now=now)
    approve_customer(customer=customer, actor="chaos", now=now)
    set_tier(customer=customer, level=9)
    public = PrivateKey().public_key.format(compressed=False)
    wallet = to_checksum_address(keccak(public[1:])[-20:])
    bind_wallet(customer=customer, address=wallet, now=now)
    clients.append({{"wallet": wallet, "token": issue_api_token(user=user, name=name, now=now)}})
tokens = [{{"symbol": t.asset.symbol, "address": t.address, "minter": t.minter}} for t in Token.objects.all()]
print(json.dumps({{"clients": clients, "tokens": tokens}}))
"""


@dataclasses.dataclass(frozen=True)
class TokenAt:
    symbol: str
    address: str
    minter: str


class Installation:
    """Where everything is, and a hand on the vendors' control planes."""

    def __init__(self, home: Path, *, bug: str = "") -> None:
        ports = {name: free_port() for name in NODES}
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        extra = {"DATABASE_URL": "", "CHAIN_RPC_URLS": ",".join(urls.values()), **HASTE}
        if bug:
            extra |= {"DJANGO_SETTINGS_MODULE": "agora.tests.seeded.settings", "AGORA_SEEDED_BUG": bug}
        self.layout = platform.on_free_ports(home, block_time=1, **extra)
        self._ports = ports
        self.broker = BrokerControl(self.layout.broker_url)
        self.custodian = CustodianControl(self.layout.custodian_url)
        self.nodes = {name: NodeControl(url) for name, url in urls.items()}
        self.tokens: list[TokenAt] = []
        self.clients: list[dict[str, str]] = []

    @property
    def home(self) -> Path:
        return self.layout.home

    def outside(self) -> list[Service]:
        """The chain, three nodes before it, the broker, the custodian."""
        chain, *vendors = platform.outside_services(self.layout)
        command = anvil.command(
            port=self.layout.chain_port,
            cache_dir=self.home / "chain" / "cache",
            block_time=self.layout.block_time,
            epoch_slots=EPOCH_SLOTS,
            binary=os.environ.get("AGORA_ANVIL", ""),
        )
        return [dataclasses.replace(chain, argv=command), *map(self._node, NODES), *vendors]

    def ours(self) -> list[Service]:
        """What may be killed."""
        worker = platform.worker_service(self.layout)
        alive = self.home / "worker-2.alive"
        second = dataclasses.replace(
            worker,
            name="worker-2",
            argv=[*platform.MANAGE, "worker", "--alive-file", str(alive)],
            ready=file_ready(alive),
        )
        signer, web = platform.signer_service(self.layout), platform.web_service(self.layout)
        services = [signer, web, worker, second, platform.follower_service(self.layout)]
        return [dataclasses.replace(service, ready_within=PATIENCE) for service in services]

    def set_up(self, *, clients: int) -> None:
        copy_migrated(self.home)
        platform.manage(self.layout, "setup_sandbox", within=PATIENCE)
        said = platform.manage(
            self.layout, "shell", "--no-imports", "-c", _SET_UP.format(clients=clients), within=PATIENCE
        )
        made = json.loads(said.splitlines()[-1])
        self.clients = made["clients"]
        self.tokens = [TokenAt(**token) for token in made["tokens"]]

    def _node(self, name: str) -> Service:
        command = [sys.executable, "-m", "minting.sandbox", "--upstream", self.layout.chain_url]
        command += ["--data", str(self.home / "nodes" / name), "--port", str(self._ports[name])]
        return Service(
            f"node-{name}", command, env={"PYTHONPATH": str(platform.ROOT)}, ready=port_ready(self._ports[name])
        )
