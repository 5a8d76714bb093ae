"""The signer's own memory: what it was about to sign, and what it signed. Append-only, hash-chained, on disk first.

SQLite (WAL, synchronous=FULL) rather than a flat file: a commit is whole or not there after a kill -9 or a power cut,
and the rules that must never break are unique indexes, not only code (ADR 0011). One process at a time holds it.

An AUTHORISED row is committed before a key is asked; a SIGNED row, with the bytes, before they leave.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from custody.signers.base import Intent, MintIntent, Signed
from custody.signers.encoding import Unsigned, signed_of
from custody.signers.service.config import KeyConfig, Scope
from custody.signers.service.policy import DAY, NOT_A_REPLACEMENT, Past, SignedBefore, decide, method_of

GENESIS = "0" * 64
FOREVER = 2**62  # seconds
AUTHORISED, SIGNED = "AUTHORISED", "SIGNED"
# Amounts and fees may be wider than SQLite's 64 bits: decimal text.
SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('AUTHORISED', 'SIGNED')),
    at INTEGER NOT NULL,
    signer TEXT NOT NULL,
    chain_id INTEGER NOT NULL,
    nonce INTEGER NOT NULL,
    bump INTEGER NOT NULL,
    contract TEXT NOT NULL,
    method TEXT NOT NULL,
    mint_key TEXT NOT NULL,
    replaces INTEGER NOT NULL,
    call_hash TEXT NOT NULL,
    gas INTEGER NOT NULL,
    max_fee_per_gas TEXT NOT NULL,
    max_priority_fee_per_gas TEXT NOT NULL,
    counted_wei TEXT NOT NULL,
    minted_wei TEXT NOT NULL,
    digest TEXT NOT NULL,
    raw TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS digest_once ON entries (signer, digest, kind);
CREATE UNIQUE INDEX IF NOT EXISTS nonce_and_bump_once ON entries (signer, chain_id, nonce, bump, kind);
CREATE UNIQUE INDEX IF NOT EXISTS mint_key_once ON entries (chain_id, contract, mint_key, replaces)
    WHERE kind = 'AUTHORISED' AND method = 'mint' AND bump = 0;
CREATE INDEX IF NOT EXISTS minted ON entries (chain_id, contract, at) WHERE kind = 'AUTHORISED';
CREATE INDEX IF NOT EXISTS transactions ON entries (signer, at) WHERE kind = 'AUTHORISED';
CREATE TRIGGER IF NOT EXISTS never_changed BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END;
CREATE TRIGGER IF NOT EXISTS never_deleted BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END;
"""
COLUMNS = (
    *("seq", "kind", "at", "signer", "chain_id", "nonce", "bump", "contract", "method", "mint_key", "replaces"),
    *("call_hash", "gas", "max_fee_per_gas", "max_priority_fee_per_gas", "counted_wei", "minted_wei", "digest", "raw"),
)


class RecordRefused(Exception):
    """The record cannot be used: it was changed, or another signer has it. Nothing may be signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    seq: int
    signed: Signed | None  # what left, or was about to, the last time


class Record:
    """Thread-safe. `now` is in whole seconds since 1970; time that runs backwards is taken to stand still."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._claim = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as taken:
            os.close(self._claim)
            raise RecordRefused(f"another signer has {path}") from taken
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(SCHEMA)
        self.verify()

    def close(self) -> None:
        with self._lock:
            self._database.close()
            os.close(self._claim)

    def head(self) -> tuple[int, str]:
        """Number and hash of the newest entry: whoever notes it elsewhere can tell a record that was cut short."""
        with self._lock:
            row = self._one("SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1")
        return (row["seq"], row["hash"]) if row else (0, GENESIS)

    def verify(self) -> None:
        """Raises RecordRefused if an entry was changed, left out or put in."""
        previous, expected = GENESIS, 1
        for row in self._database.execute("SELECT * FROM entries ORDER BY seq"):
            if row["seq"] != expected or row["hash"] != _hash(previous, {name: row[name] for name in COLUMNS}):
                raise RecordRefused(f"entry {expected} of the record is not what was written")
            previous, expected = row["hash"], expected + 1

    def authorise(self, *, key: KeyConfig, scope: Scope, intent: Intent, unsigned: Unsigned, now: int) -> Authorisation:
        """Commit that this is going to be signed, or find that it was before. Raises Refused; then nothing is kept."""
        digest = unsigned.digest.hex()
        with self._writing() as last:
            known = self._one("SELECT * FROM entries WHERE signer = ? AND digest = ? ORDER BY seq DESC LIMIT 1",
                              key.address, digest)  # fmt: skip
            if known is not None:
                return Authorisation(seq=known["seq"], signed=_signed(known))
            at = max(now, last["at"]) if last else now
            call_hash = _call_hash(intent.contract, unsigned.calldata)
            past = self._past(key, intent, at)
            verdict = decide(key, scope, intent, call_hash=call_hash, past=past)
            mint = intent if isinstance(intent, MintIntent) else None
            entry: dict[str, Any] = {
                "kind": AUTHORISED,
                "at": at,
                "signer": key.address,
                "chain_id": intent.chain_id,
                "nonce": intent.nonce,
                "bump": verdict.bump,
                "contract": intent.contract,
                "method": method_of(intent),
                "mint_key": mint.mint_key if mint else "",
                "replaces": NOT_A_REPLACEMENT if mint is None or mint.replaces is None else mint.replaces,
                "call_hash": call_hash,
                "gas": intent.gas,
                "max_fee_per_gas": str(intent.max_fee_per_gas),
                "max_priority_fee_per_gas": str(intent.max_priority_fee_per_gas),
                "counted_wei": str(verdict.counted_wei),
                "minted_wei": str(self._minted(intent) + verdict.counted_wei),
                "digest": digest,
                "raw": "",
            }
            return Authorisation(seq=self._append(last, entry), signed=None)

    def keep(self, *, key: KeyConfig, unsigned: Unsigned, signed: Signed, now: int) -> Signed:
        """Commit the bytes before they leave; those that were kept first, where two were made at once."""
        digest = unsigned.digest.hex()
        with self._writing() as last:
            rows = "SELECT * FROM entries WHERE signer = ? AND digest = ? AND kind = ?"
            kept = self._one(rows, key.address, digest, SIGNED)
            if kept is not None:
                found = _signed(kept)
                assert found is not None
                return found
            authorised = self._one(rows, key.address, digest, AUTHORISED)
            assert authorised is not None, "signed without having been authorised"
            assert last is not None
            entry = {name: authorised[name] for name in COLUMNS if name != "seq"}
            entry |= {"kind": SIGNED, "at": max(now, last["at"]), "raw": signed.raw.hex()}
            self._append(last, entry)
            return signed

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Row | None]:
        """A write transaction; the newest entry. What is committed is on the disk: WAL is synced at each commit."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._one("SELECT * FROM entries ORDER BY seq DESC LIMIT 1")
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def _append(self, last: sqlite3.Row | None, entry: dict[str, Any]) -> int:
        seq, previous = (last["seq"] + 1, last["hash"]) if last else (1, GENESIS)
        content = {"seq": seq, **entry}
        values = [content[name] for name in COLUMNS] + [_hash(previous, content)]
        places = ", ".join("?" * len(values))
        self._database.execute(f"INSERT INTO entries ({', '.join(COLUMNS)}, hash) VALUES ({places})", values)  # noqa: S608
        return seq

    def _past(self, key: KeyConfig, intent: Intent, now: int) -> Past:
        mine = "FROM entries WHERE kind = 'AUTHORISED' AND signer = ? AND chain_id = ?"
        highest = self._one(f"SELECT max(nonce) AS nonce {mine}", key.address, key.chain_id)
        at_nonce = self._one(
            f"SELECT * {mine} AND nonce = ? ORDER BY bump DESC LIMIT 1",
            *(key.address, key.chain_id, intent.nonce),
        )
        count = self._one(
            "SELECT count(*) AS n FROM entries WHERE kind = 'AUTHORISED' AND signer = ? AND at > ?",
            *(key.address, now - DAY),
        )
        of_key: list[sqlite3.Row] = []
        if isinstance(intent, MintIntent):
            of_key = self._database.execute(
                "SELECT * FROM entries WHERE kind = 'AUTHORISED' AND method = 'mint' AND bump = 0"
                " AND chain_id = ? AND contract = ? AND mint_key = ? ORDER BY seq",
                (intent.chain_id, intent.contract, intent.mint_key),
            ).fetchall()
        assert highest is not None
        assert count is not None
        before = self._minted(intent, until=now - DAY)
        return Past(
            highest_nonce=highest["nonce"],
            at_nonce=_before(at_nonce) if at_nonce else None,
            of_mint_key=tuple(_before(row) for row in of_key),
            minted_wei=self._minted(intent) - before,
            transactions=count["n"],
        )

    def _minted(self, intent: Intent, *, until: int = FOREVER) -> int:
        """The running total of a contract as it stood: a day is the difference of two, however much was minted."""
        row = self._one(
            "SELECT minted_wei FROM entries WHERE kind = 'AUTHORISED' AND chain_id = ? AND contract = ?"
            " AND at <= ? ORDER BY at DESC, seq DESC LIMIT 1",
            *(intent.chain_id, intent.contract, until),
        )
        return int(row["minted_wei"]) if row else 0

    def _one(self, query: str, *values: object) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._database.execute(query, values).fetchone()
        return row


def _before(row: sqlite3.Row) -> SignedBefore:
    return SignedBefore(
        nonce=row["nonce"],
        bump=row["bump"],
        call_hash=row["call_hash"],
        gas=row["gas"],
        max_fee_per_gas=int(row["max_fee_per_gas"]),
        max_priority_fee_per_gas=int(row["max_priority_fee_per_gas"]),
    )


def _signed(row: sqlite3.Row) -> Signed | None:
    return signed_of(bytes.fromhex(row["raw"])) if row["kind"] == SIGNED else None


def _call_hash(contract: str, calldata: bytes) -> str:
    return hashlib.sha256(bytes.fromhex(contract[2:]) + calldata).hexdigest()


def _hash(previous: str, content: dict[str, Any]) -> str:
    body = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()
