"""A wallet in the browser that really signs, and that misbehaves when it is told to.

    wallet = Wallet(chain_id=1, knows=())        # on another chain, and has not heard of ours
    wallet.refuse("personal_sign", DECLINED)     # from now on; times=1: once
    wallet.calls                                 # what the page asked of it

The page sees an EIP-1193 provider announced by EIP-6963 (wallet_provider.js). Init scripts and bindings are the
browser's own doing: a strict Content-Security-Policy does not reach them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from playwright.sync_api import BrowserContext

from agora.lib.anvil import CHAIN_ID

PROVIDER = Path(__file__).with_name("wallet_provider.js").read_text()
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E"
    "%3Ccircle cx='4' cy='4' r='4' fill='teal'/%3E%3C/svg%3E"
)
Failure = dict[str, Any]
# EIP-1193, EIP-3085, EIP-3326; -32002 is MetaMask's
DECLINED: Failure = {"code": 4001, "message": "User rejected the request."}
UNAUTHORIZED: Failure = {"code": 4100, "message": "The requested account has not been authorized."}
UNSUPPORTED: Failure = {"code": 4200, "message": "The provider does not support the requested method."}
UNKNOWN_CHAIN: Failure = {"code": 4902, "message": "Unrecognized chain ID."}
PENDING: Failure = {"code": -32002, "message": "Request already pending. Please wait."}
WRAPPED_UNKNOWN_CHAIN: Failure = {  # MetaMask's on phones
    "code": -32603,
    "message": "Internal error",
    "data": {"originalError": UNKNOWN_CHAIN},
}
UNDEFINED: Failure = {}  # a provider that rejects with `undefined`
HANGS = "hangs"  # never answers


@dataclass
class Wallet:
    name: str = "Test Wallet"
    rdns: str = "example.test-wallet"
    icon: str = ICON
    account: LocalAccount = field(default_factory=Account.create)
    chain_id: int = CHAIN_ID
    knows: Sequence[int] = (1, CHAIN_ID)
    is_locked: bool = False  # gives no account
    is_legacy: bool = False  # window.ethereum only, from before EIP-6963
    announces_after: int = 0  # milliseconds: an extension that starts late
    signs_with: LocalAccount | None = None  # another key than the one whose address it gave
    adding_switches: bool = True  # EIP-3085 leaves it open whether an added chain is also chosen
    calls: list[tuple[str, Any]] = field(default_factory=list)
    uuid: str = field(default_factory=lambda: str(uuid4()))
    _refusals: dict[str, tuple[Failure | str, int]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return str(self.account.address)

    def refuse(self, method: str, failure: Failure | str, times: int = 10**6) -> None:
        self._refusals[method] = (failure, times)

    def behave(self) -> None:
        self._refusals.clear()

    def asked(self) -> Counter[str]:
        return Counter(method for method, _ in self.calls)

    def texts(self) -> list[str]:
        """What it was asked to sign."""
        return [bytes.fromhex(params[0][2:]).decode() for method, params in self.calls if method == "personal_sign"]

    def request(self, method: str, params: Any) -> dict[str, Any]:
        """`{result}`, `{error}` or `{hangs}`, as wallet_provider.js understands it."""
        self.calls.append((method, params))
        failure, left = self._refusals.get(method, (None, 0))
        if left > 0:
            self._refusals[method] = (failure, left - 1)  # type: ignore[assignment]
            return {"hangs": True} if failure == HANGS else {"error": failure}
        match method:
            case "eth_requestAccounts" | "eth_accounts":
                return {"result": [] if self.is_locked else [self.address.lower()]}
            case "eth_chainId":
                return {"result": hex(self.chain_id)}
            case "wallet_switchEthereumChain":
                return self._switch(int(params[0]["chainId"], 16))
            case "wallet_addEthereumChain":
                return self._add(params[0])
            case "personal_sign":
                return self._sign(*params)
            case "wallet_watchAsset":
                return {"result": True}
        return {"error": UNSUPPORTED}

    def _switch(self, chain_id: int) -> dict[str, Any]:
        if chain_id not in self.knows:
            return {"error": UNKNOWN_CHAIN}
        self.chain_id = chain_id
        return {"result": None}

    def _add(self, chain: dict[str, Any]) -> dict[str, Any]:
        assert chain["chainName"], chain
        assert chain["rpcUrls"][0].startswith("http"), chain
        assert chain["nativeCurrency"]["decimals"] == 18, chain
        self.knows = (*self.knows, int(chain["chainId"], 16))
        if self.adding_switches:
            self.chain_id = int(chain["chainId"], 16)
        return {"result": None}

    def _sign(self, data: str, address: str) -> dict[str, Any]:
        if address.lower() != self.address.lower():
            return {"error": UNAUTHORIZED}
        signed = (self.signs_with or self.account).sign_message(encode_defunct(hexstr=data))
        return {"result": "0x" + bytes(signed.signature).hex()}


def inject(context: BrowserContext, wallets: Sequence[Wallet]) -> None:
    """Put the wallets into each page that this browser context will open."""
    by_id = {wallet.uuid: wallet for wallet in wallets}
    context.expose_binding("__agoraWallet", lambda source, key, method, params: by_id[key].request(method, params))
    announced = [
        {
            "id": wallet.uuid,
            "legacy": wallet.is_legacy,
            "announcesAfter": wallet.announces_after,
            "info": {"uuid": wallet.uuid, "name": wallet.name, "rdns": wallet.rdns, "icon": wallet.icon},
        }
        for wallet in wallets
    ]
    context.add_init_script(f"({PROVIDER})({json.dumps(announced)})")
