"""Wallets that are contracts (EIP-1271): the chain is asked whether they accept a signature.

A JSON-RPC call of our own, because the chain adapter lives in minting, above this app, and brings web3, which the web
process is to do without. Counterfactual wallets (EIP-6492) are not supported: a wallet must be deployed first.
"""

from __future__ import annotations

from typing import Any

import requests
from django.conf import settings

from agora.lib.errors import Unavailable
from agora.lib.http import guarded_session

_SELECTOR = bytes.fromhex("1626ba7e")  # isValidSignature(bytes32,bytes), and the magic value it answers
_VALID = "0x" + _SELECTOR.hex() + "00" * 28
MAX_SIGNATURE = 8192  # bytes; a Safe with a hundred owners stays below


def accepts(*, address: str, digest: bytes, signature: bytes) -> bool:
    """Whether the contract at that address, on our chain, calls the signature of the digest its own.

    Two nodes must agree where two are configured. Raises Unavailable when too few answer.
    """
    if len(signature) > MAX_SIGNATURE:
        return False
    call = {"to": address, "data": "0x" + _calldata(digest, signature).hex()}
    wanted = min(2, len(settings.CHAIN_RPC_URLS))
    agreed = 0
    for url in settings.CHAIN_RPC_URLS:
        answer = _ask(url, call)
        if answer is not None and answer != _VALID:
            return False
        agreed += answer == _VALID
        if agreed == wanted:
            return True
    raise Unavailable("too few nodes answered")


def _ask(url: str, call: dict[str, str]) -> str | None:
    """What the contract answered; "" when it reverted; None when the node gave no answer for our chain."""
    try:
        with guarded_session(vendor="chain") as session:
            chain_id = _rpc(session, url, "eth_chainId")
            if "result" not in chain_id or int(chain_id["result"], 16) != settings.CHAIN_ID:
                return None
            answer = _rpc(session, url, "eth_call", call, "latest")
    except (requests.RequestException, ValueError):
        return None
    if "result" in answer:
        return str(answer["result"])
    error = answer.get("error")
    reverted = isinstance(error, dict) and (error.get("code") == 3 or "revert" in str(error.get("message", "")).lower())
    return "" if reverted else None


def _rpc(session: requests.Session, url: str, method: str, *params: Any) -> dict[str, Any]:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = session.post(url, json=body).json()
    if not isinstance(answer, dict):
        raise ValueError("not a JSON-RPC answer")
    return answer


def _calldata(digest: bytes, signature: bytes) -> bytes:
    length = len(signature).to_bytes(32, "big")
    padding = b"\0" * (-len(signature) % 32)
    return _SELECTOR + digest + (64).to_bytes(32, "big") + length + signature + padding
