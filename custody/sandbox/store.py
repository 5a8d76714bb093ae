"""SQLite under the sandbox: WAL, one connection, one thread, committed before anything is answered."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from custody.sandbox.faults import Faults

DEFAULT_SETTINGS: dict[str, Any] = {
    "transfer_seconds": 0.2,  # SUBMITTED to COMPLETED
    "raw_seconds": 0.04,  # a client that first looks after 50 ms finds it done
    "inbox_balance": "1000000000",
    "webhook_url": "",
    "faults": None,  # what goes wrong by chance, by a seed: see faults.py
    # Fireblocks waits 10, 30, 120, 300 … seconds; a laptop has less patience
    "webhook_retry_seconds": [0.1, 0.3, 1, 3, 10, 30],
}

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, expires_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS nonces_expired ON nonces (expires_at);
CREATE TABLE IF NOT EXISTS webhook_keys (kid TEXT PRIMARY KEY, pem TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS vault_accounts (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, hidden INTEGER NOT NULL, auto_fuel INTEGER NOT NULL,
    customer_ref_id TEXT, private_key TEXT NOT NULL, public_key TEXT NOT NULL, address TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS wallets (
    vault_id INTEGER NOT NULL REFERENCES vault_accounts, asset_id TEXT NOT NULL, total TEXT NOT NULL,
    PRIMARY KEY (vault_id, asset_id));
CREATE TABLE IF NOT EXISTS burned_ids (external_tx_id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS transactions (
    id TEXT PRIMARY KEY, external_tx_id TEXT UNIQUE, operation TEXT NOT NULL, asset_id TEXT NOT NULL,
    amount TEXT NOT NULL, source_id INTEGER NOT NULL, destination_id INTEGER, note TEXT NOT NULL,
    request TEXT NOT NULL, status TEXT NOT NULL, sub_status TEXT NOT NULL, tx_hash TEXT NOT NULL,
    signed_messages TEXT NOT NULL, locked INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL,
    last_updated INTEGER NOT NULL, steps TEXT NOT NULL, options TEXT NOT NULL, next_at REAL);
CREATE INDEX IF NOT EXISTS transactions_due ON transactions (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS transactions_locked ON transactions (source_id, asset_id) WHERE locked = 1;
CREATE INDEX IF NOT EXISTS transactions_created ON transactions (created_at);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, path TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS scenarios (id INTEGER PRIMARY KEY, body TEXT NOT NULL, remaining INTEGER);
CREATE TABLE IF NOT EXISTS webhooks (
    id INTEGER PRIMARY KEY, transaction_id TEXT NOT NULL, body BLOB NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    next_at REAL);
CREATE INDEX IF NOT EXISTS webhooks_due ON webhooks (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL);
"""
# What a reset keeps: who may call (nonces stay burned), how webhooks are signed, and the log, which is append-only.
RESET = ("vault_accounts", "wallets", "burned_ids", "transactions", "idempotency", "scenarios", "webhooks")


class Store:
    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        # NORMAL: a commit outlives the process, which is what we kill; an fsync each would only protect from power cuts
        self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + SCHEMA)
        self.settings = DEFAULT_SETTINGS | json.loads(self.meta("settings") or "{}")
        self._faults = Faults()

    @contextmanager
    def atomic(self) -> Iterator[None]:
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def run(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        return self._connection.execute(sql, parameters)

    def one(self, sql: str, *parameters: Any) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
        return row

    def all(self, sql: str, *parameters: Any) -> list[sqlite3.Row]:
        return self._connection.execute(sql, parameters).fetchall()

    def meta(self, name: str) -> str | None:
        row = self.one("SELECT value FROM meta WHERE name = ?", name)
        return row["value"] if row else None

    def set_meta(self, name: str, value: str) -> None:
        self.run("INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)

    def change_settings(self, changes: dict[str, Any]) -> None:
        unknown = changes.keys() - DEFAULT_SETTINGS.keys()
        if unknown:
            raise ValueError(f"No such setting: {sorted(unknown)}; there are {sorted(DEFAULT_SETTINGS)}")
        self.settings |= changes
        self.set_meta("settings", json.dumps(self.settings))

    def log(self, kind: str, **data: Any) -> None:
        self.run("INSERT INTO log (at, kind, data) VALUES (?, ?, ?)", time.time(), kind, json.dumps(data))

    def deal_fault(self, step: str, **facts: Any) -> str:
        """By chance, the fault that a step is to meet now; noted."""
        fault = self._faults.deal(self.settings["faults"], step)
        if fault:
            self.log("fault", step=step, fault=fault, **facts)
        return fault

    def reset(self) -> None:
        with self.atomic():
            for table in RESET:
                self.run(f"DELETE FROM {table}")  # noqa: S608  our own constant
            self.change_settings(DEFAULT_SETTINGS | {"webhook_url": self.settings["webhook_url"]})
            self.log("reset")

    def close(self) -> None:
        self._connection.close()
