"""SQLite under the sandbox: WAL, one connection, one thread, committed before anything is answered."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

DEFAULT_SETTINGS: dict[str, Any] = {
    "answer": {"reviewAnswer": "GREEN"},  # of a check; null: none until somebody gives one
    "review_seconds": 0.1,
    "levels": ["agora-light"],
    "webhook_url": "",
    "webhook_digest": "HMAC_SHA256_HEX",
    # Sumsub waits 5 minutes, 1, 5 and 18 hours; a laptop has less patience
    "webhook_retry_seconds": [0.2, 1, 5, 20],
}

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS applicants (
    id TEXT PRIMARY KEY, external_user_id TEXT UNIQUE NOT NULL, level TEXT NOT NULL, body TEXT NOT NULL,
    review_status TEXT NOT NULL, review_result TEXT, attempt_id TEXT NOT NULL, attempt INTEGER NOT NULL,
    created_at REAL NOT NULL, due_at REAL);
CREATE TABLE IF NOT EXISTS webhooks (
    id INTEGER PRIMARY KEY, body BLOB NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_at REAL);
CREATE TABLE IF NOT EXISTS scenarios (id INTEGER PRIMARY KEY, body TEXT NOT NULL, remaining INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL);
"""


class Store:
    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + SCHEMA)
        kept = self.one("SELECT value FROM meta WHERE name = 'settings'")
        self.settings = DEFAULT_SETTINGS | (json.loads(kept["value"]) if kept else {})

    def run(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        return self._connection.execute(sql, parameters)

    def one(self, sql: str, *parameters: Any) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
        return row

    def all(self, sql: str, *parameters: Any) -> list[sqlite3.Row]:
        return self._connection.execute(sql, parameters).fetchall()

    def change_settings(self, changes: dict[str, Any]) -> None:
        if unknown := changes.keys() - DEFAULT_SETTINGS.keys():
            raise ValueError(f"No such setting: {sorted(unknown)}; there are {sorted(DEFAULT_SETTINGS)}")
        self.settings |= changes
        self.run("INSERT OR REPLACE INTO meta VALUES ('settings', ?)", json.dumps(self.settings))

    def log(self, kind: str, **data: Any) -> None:
        self.run("INSERT INTO log (at, kind, data) VALUES (?, ?, ?)", time.time(), kind, json.dumps(data))

    def reset(self) -> None:
        for table in ("applicants", "webhooks", "scenarios"):
            self.run(f"DELETE FROM {table}")  # noqa: S608  our own constant
        self.change_settings(DEFAULT_SETTINGS | {"webhook_url": self.settings["webhook_url"]})
        self.log("reset")

    def close(self) -> None:
        self._connection.close()
