"""The sandbox's memory: one sqlite file, written before anything is answered or said on the stream."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from orders.sandbox import wire

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, client_order_id TEXT NOT NULL UNIQUE,
    symbol TEXT NOT NULL, status TEXT NOT NULL, submitted_at TEXT NOT NULL, body TEXT NOT NULL,
    script TEXT NOT NULL, step INTEGER NOT NULL DEFAULT 0, stream_fault TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS orders_by_status ON orders (status, seq);
CREATE TABLE IF NOT EXISTS executions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, order_id TEXT NOT NULL, kind TEXT NOT NULL,
    qty TEXT NOT NULL, price TEXT NOT NULL, previous TEXT NOT NULL DEFAULT '', activity TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS executions_by_order ON executions (order_id);
CREATE TABLE IF NOT EXISTS positions (symbol TEXT PRIMARY KEY, qty TEXT NOT NULL, cost TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS scenarios (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, match TEXT NOT NULL, times INTEGER, steps TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, entry TEXT NOT NULL);
"""
TABLES = ("orders", "executions", "positions", "scenarios", "settings", "log")


class Store:
    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        # NORMAL with WAL survives the death of the process, which is what we promise, though not of the machine.
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + SCHEMA)
        self._depth = 0

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; an inner one is part of the outer."""
        if self._depth == 0:
            self._db.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("ROLLBACK")
            raise
        self._depth -= 1
        if self._depth == 0:
            self._db.execute("COMMIT")

    def query(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return self._db.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return row

    def write(self, sql: str, *values: Any) -> int:
        """Run a statement; returns the last inserted rowid."""
        return self._db.execute(sql, values).lastrowid or 0

    def reset(self) -> None:
        with self.transaction():
            for table in TABLES:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608  (names of our own)

    # --- orders ---------------------------------------------------------------------------------------------------
    def add_order(self, order: dict[str, Any], *, script: list[dict[str, Any]], stream_fault: str) -> None:
        self.write(
            "INSERT INTO orders (id, client_order_id, symbol, status, submitted_at, body, script, stream_fault)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(order["id"], order["client_order_id"], order["symbol"], order["status"], order["submitted_at"]),
            *(json.dumps(order), json.dumps(script), stream_fault),
        )

    def save_order(self, order: dict[str, Any]) -> None:
        order["updated_at"] = wire.now()
        self.write(
            "UPDATE orders SET status = ?, body = ? WHERE id = ?", order["status"], json.dumps(order), order["id"]
        )

    def order(self, order_id: str) -> dict[str, Any] | None:
        return self._order(self.one("SELECT body FROM orders WHERE id = ?", order_id))

    def order_by_client_order_id(self, client_order_id: str) -> dict[str, Any] | None:
        return self._order(self.one("SELECT body FROM orders WHERE client_order_id = ?", client_order_id))

    def _order(self, row: sqlite3.Row | None) -> dict[str, Any] | None:
        return None if row is None else dict(json.loads(row["body"]))

    # --- positions and cash ---------------------------------------------------------------------------------------
    def position(self, symbol: str) -> tuple[Decimal, Decimal]:
        """(shares, cost basis)."""
        row = self.one("SELECT qty, cost FROM positions WHERE symbol = ?", symbol)
        return (Decimal(0), Decimal(0)) if row is None else (Decimal(row["qty"]), Decimal(row["cost"]))

    def move_position(self, symbol: str, qty: Decimal, cost: Decimal) -> Decimal:
        """Add shares and cost (negative: take away). Returns the shares held then."""
        held, basis = self.position(symbol)
        self.write("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", symbol, str(held + qty), str(basis + cost))
        return held + qty

    def invested(self) -> Decimal:
        return sum((Decimal(row["cost"]) for row in self.query("SELECT cost FROM positions")), Decimal(0))

    # --- settings and log -----------------------------------------------------------------------------------------
    def settings(self) -> dict[str, Any]:
        return {row["name"]: json.loads(row["value"]) for row in self.query("SELECT name, value FROM settings")}

    def set_setting(self, name: str, value: Any) -> None:
        self.write("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, json.dumps(value))

    def log(self, kind: str, **entry: Any) -> None:
        """Append to the log: kind `request` or `effect`."""
        self.write("INSERT INTO log (at, entry) VALUES (?, ?)", wire.now(), json.dumps({"kind": kind, **entry}))

    def read_log(self, *, after: int = 0) -> list[dict[str, Any]]:
        rows = self.query("SELECT seq, at, entry FROM log WHERE seq > ? ORDER BY seq", after)
        return [{"seq": row["seq"], "at": row["at"], **json.loads(row["entry"])} for row in rows]
