"""The outside world's own books: the sandboxes' databases and the chain's logs. Nothing of ours is asked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from eth_abi import decode
from eth_utils.crypto import keccak

from agora.tests.chaos.reorgs import rpc

MINT = "0x" + keccak(text="mint(address,uint256,string)")[:4].hex()
MINTED = "0x" + keccak(text="Minted(bytes32,address,uint256,string)").hex()
SUPPLY = "0x" + keccak(text="totalSupply()")[:4].hex()


@dataclass(frozen=True)
class BrokerOrder:
    id: str
    client_order_id: str
    symbol: str
    quantity: Decimal
    filled: Decimal
    status: str


@dataclass(frozen=True)
class Transfer:
    external_tx_id: str
    symbol: str
    quantity: Decimal
    status: str
    sub_status: str
    note: str

    @property
    def is_done(self) -> bool:
        return self.status == "COMPLETED" and self.sub_status in ("", "CONFIRMED")

    @property
    def order_id(self) -> str:
        """Of the note that we give it: "order <id> tranche n"."""
        words = self.note.split()
        return words[1] if len(words) > 1 and words[0] == "order" else ""


@dataclass(frozen=True)
class Mint:
    symbol: str
    key: str
    to: str
    quantity: Decimal
    block: int


@dataclass(frozen=True)
class SecondTry:
    """A mint transaction that was mined and reverted although its key had been used in an earlier block or place."""

    symbol: str
    key: str
    tx_hash: str
    first: str  # the transaction that had used it


@dataclass
class Books:
    orders: list[BrokerOrder] = field(default_factory=list)
    positions: dict[str, Decimal] = field(default_factory=dict)
    transfers: list[Transfer] = field(default_factory=list)
    held: dict[str, Decimal] = field(default_factory=dict)
    mints: list[Mint] = field(default_factory=list)
    second_tries: list[SecondTry] = field(default_factory=list)
    supply: dict[str, Decimal] = field(default_factory=dict)

    def since(self, before: Books) -> Books:
        """What the custodian has done since then; the other books are whole."""
        known = {transfer.external_tx_id for transfer in before.transfers}
        transfers = [transfer for transfer in self.transfers if transfer.external_tx_id not in known]
        held = {symbol: total - before.held.get(symbol, Decimal(0)) for symbol, total in self.held.items()}
        return replace(self, transfers=transfers, held=held)


def read(*, broker: Path, custodian: Path, chain_url: str, tokens: Sequence[Any], since: int = 0) -> Books:
    """`broker`, `custodian`: the sandboxes' folders. `tokens` have symbol, address and minter. `since`: a block."""
    books = Books()
    at = rpc(chain_url, "eth_blockNumber")  # backwards: what a book says then has its cause in the one read after it
    for token in tokens:
        _read_token(books, chain_url, token, since, at)
    _read_second_tries(books, chain_url, tokens, since, at)
    _read_custodian(books, custodian / "fireblocks.sqlite3")
    _read_broker(books, broker / "alpaca.sqlite3")
    return books


def _read_broker(books: Books, path: Path) -> None:
    with closing(_open(path)) as database:
        for row in database.execute("SELECT body FROM orders ORDER BY seq"):
            body = json.loads(row["body"])
            books.orders.append(
                BrokerOrder(
                    id=body["id"],
                    client_order_id=body["client_order_id"],
                    symbol=body["symbol"],
                    quantity=Decimal(body["qty"]),
                    filled=Decimal(body["filled_qty"]),
                    status=body["status"],
                )
            )
        for row in database.execute("SELECT symbol, qty FROM positions"):
            books.positions[row["symbol"]] = Decimal(row["qty"])


def _read_custodian(books: Books, path: Path) -> None:
    with closing(_open(path)) as database:
        for row in database.execute("SELECT * FROM transactions WHERE operation = 'TRANSFER' ORDER BY created_at"):
            books.transfers.append(
                Transfer(
                    external_tx_id=row["external_tx_id"] or "",
                    symbol=row["asset_id"],
                    quantity=Decimal(row["amount"]),
                    status=row["status"],
                    sub_status=row["sub_status"],
                    note=row["note"],
                )
            )
        wallets = "SELECT w.total FROM wallets w JOIN vault_accounts v ON v.id = w.vault_id WHERE v.name = ?"
        for symbol in {transfer.symbol for transfer in books.transfers}:
            row = database.execute(f"{wallets} AND w.asset_id = ?", (f"agora-{symbol.lower()}", symbol)).fetchone()
            books.held[symbol] = Decimal(row["total"]) if row else Decimal(0)


def _read_token(books: Books, url: str, token: Any, since: int, at: str) -> None:
    wanted = {"address": token.address, "topics": [MINTED], "fromBlock": hex(since), "toBlock": at}
    for log in rpc(url, "eth_getLogs", wanted):
        amount, key = decode(["uint256", "string"], bytes.fromhex(log["data"][2:]))
        to = "0x" + log["topics"][2][-40:]
        books.mints.append(Mint(token.symbol, key, to, Decimal(amount).scaleb(-18), int(log["blockNumber"], 16)))
    supply = rpc(url, "eth_call", {"to": token.address, "data": SUPPLY}, at)
    books.supply[token.symbol] = Decimal(int(supply, 16)).scaleb(-18)


def _read_second_tries(books: Books, url: str, tokens: Sequence[Any], since: int, at: str) -> None:
    by_address = {token.address.lower(): token.symbol for token in tokens}
    used: dict[str, str] = {}
    for number in range(since, int(at, 16) + 1):
        block = rpc(url, "eth_getBlockByNumber", hex(number), True)
        for transaction in block["transactions"]:
            symbol = by_address.get((transaction["to"] or "").lower())
            if symbol is None or not transaction["input"].startswith(MINT):
                continue
            *_, key = decode(["address", "uint256", "string"], bytes.fromhex(transaction["input"][10:]))
            receipt = rpc(url, "eth_getTransactionReceipt", transaction["hash"])
            if int(receipt["status"], 16):
                used[key] = transaction["hash"]
            elif key in used:
                books.second_tries.append(SecondTry(symbol, key, transaction["hash"], used[key]))


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    database.row_factory = sqlite3.Row
    return database
