"""The signer's configuration: which keys there are, and the little that each may sign. Default deny.

TOML, so that it can be read and commented by those who answer for it (docs/signer.md has an example). Whatever is
missing, unknown or out of range stops the start: a scope that was misspelt must not be a scope that is not there.
"""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import InvalidOperation
from pathlib import Path
from typing import Any

from eth_utils.address import is_checksum_address

from agora.lib.money import InexactQuantity, wei_from_shares

METHODS = ("mint", "pauseMinting", "pauseTransfers")
MISSING = object()


class ConfigRefused(Exception):
    """The file cannot be used. The message says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a key may do on one contract."""

    contract: str  # checksummed
    methods: frozenset[str]
    max_mint_wei: int  # of one mint
    max_day_wei: int  # of all mints in any 24 hours


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyConfig:
    name: str
    address: str  # checksummed; the backend's key must be this one's
    chain_id: int
    first_nonce: int  # none below it
    nonces_ahead: int  # none further than this above the highest that was signed
    replacements: int  # transactions of one mint key beyond its first
    transactions_a_day: int  # in any 24 hours
    max_gas: int
    max_fee_per_gas: int  # wei
    max_priority_fee_per_gas: int  # wei
    scopes: Mapping[str, Scope]  # by contract
    backend: str  # local | fireblocks
    options: Mapping[str, Any]  # the backend's own table


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    record: Path
    is_sandbox: bool
    uids: frozenset[int]  # who may connect
    socket_mode: int
    keys: Mapping[str, KeyConfig]


def load(path: Path) -> Config:
    """Raises ConfigRefused."""
    try:
        mode, content = path.stat().st_mode, tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ConfigRefused(f"{path}: {problem}") from problem
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigRefused(f"{path} can be written by others: whoever can change it can lift every limit.")
    top = _Table(content, "the file")
    if top.integer("version") != 1:
        raise ConfigRefused("version is not 1")
    record, is_sandbox = top.text("record"), top.boolean("sandbox", False)
    wire, keys = top.table("socket"), top.table("keys")
    top.end()
    uids = wire.integers("uids")
    socket_mode = wire.text("mode", "0600")
    wire.end()
    if socket_mode not in ("0600", "0660"):
        raise ConfigRefused(f"socket.mode is {socket_mode!r}: 0600 or 0660")
    if not uids:
        raise ConfigRefused("socket.uids is empty: nobody could ask for anything")
    return Config(
        record=path.parent / record,
        is_sandbox=is_sandbox,
        uids=frozenset(uids),
        socket_mode=int(socket_mode, 8),
        keys={name: _key(name, keys.table(name), path.parent) for name in keys.names()},
    )


def _key(name: str, table: _Table, folder: Path) -> KeyConfig:
    backend = table.text("backend")
    if backend not in ("local", "fireblocks"):
        raise ConfigRefused(f"{table.where}.backend is {backend!r}: local or fireblocks")
    options = {"folder": folder, **table.table(backend).everything()}
    scopes = [_scope(scope) for scope in table.tables("scopes")]
    key = KeyConfig(
        name=name,
        address=table.address("address"),
        chain_id=table.integer("chain_id"),
        first_nonce=table.integer("first_nonce", 0),
        nonces_ahead=table.integer("nonces_ahead", 64),
        replacements=table.integer("replacements", 3),
        transactions_a_day=table.integer("transactions_a_day"),
        max_gas=table.integer("max_gas"),
        max_fee_per_gas=table.integer("max_fee_per_gas"),
        max_priority_fee_per_gas=table.integer("max_priority_fee_per_gas"),
        scopes={scope.contract: scope for scope in scopes},
        backend=backend,
        options=options,
    )
    table.end()
    if len(key.scopes) < len(scopes):
        raise ConfigRefused(f"{table.where}: a contract has two scopes")
    return key


def _scope(table: _Table) -> Scope:
    methods = table.texts("methods")
    if unknown := set(methods) - set(METHODS):
        raise ConfigRefused(f"{table.where}.methods: {sorted(unknown)} is none of {METHODS}")
    mints = "mint" in methods
    scope = Scope(
        contract=table.address("contract"),
        methods=frozenset(methods),
        max_mint_wei=table.shares("max_mint") if mints else 0,
        max_day_wei=table.shares("max_day") if mints else 0,
    )
    table.end()
    return scope


class _Table:
    """A TOML table that must be used up: what nobody asked for is an error."""

    def __init__(self, content: Any, where: str) -> None:
        if not isinstance(content, dict):
            raise ConfigRefused(f"{where} is not a table")
        self._left, self.where = dict(content), where

    def names(self) -> list[str]:
        return list(self._left)

    def everything(self) -> dict[str, Any]:
        return self._left

    def end(self) -> None:
        if self._left:
            raise ConfigRefused(f"{self.where}: unknown {sorted(self._left)}")

    def text(self, name: str, default: Any = MISSING) -> str:
        return str(self._take(name, str, default))

    def boolean(self, name: str, default: Any = MISSING) -> bool:
        return bool(self._take(name, bool, default))

    def integer(self, name: str, default: Any = MISSING) -> int:
        value = self._take(name, int, default)
        if isinstance(value, bool) or value < 0:
            raise ConfigRefused(f"{self.where}.{name} is {value!r}: a whole number from 0 is needed")
        return int(value)

    def integers(self, name: str) -> list[int]:
        return [_Table({name: value}, self.where).integer(name) for value in self._take(name, list)]

    def texts(self, name: str) -> list[str]:
        return [_Table({name: value}, self.where).text(name) for value in self._take(name, list)]

    def address(self, name: str) -> str:
        value = self.text(name)
        if not is_checksum_address(value):
            raise ConfigRefused(f"{self.where}.{name} is no checksummed address: {value!r}")
        return value

    def shares(self, name: str) -> int:
        """Wei, of a quantity of shares in a string: "1000" or "0.5"."""
        text = self.text(name)
        try:
            wei = wei_from_shares(text)
        except (InvalidOperation, InexactQuantity) as problem:
            raise ConfigRefused(f"{self.where}.{name} is no number of shares: {text!r}") from problem
        if wei < 0:
            raise ConfigRefused(f"{self.where}.{name} is below zero")
        return wei

    def table(self, name: str) -> _Table:
        return _Table(self._take(name, dict), f"{self.where}.{name}")

    def tables(self, name: str) -> list[_Table]:
        found = self._take(name, list, [])
        return [_Table(one, f"{self.where}.{name}[{number}]") for number, one in enumerate(found)]

    def _take(self, name: str, kind: type, default: Any = MISSING) -> Any:
        value = self._left.pop(name, default)
        if value is MISSING:
            raise ConfigRefused(f"{self.where}.{name} is missing")
        if not isinstance(value, kind):
            raise ConfigRefused(f"{self.where}.{name} is {value!r}: a {kind.__name__} is needed")
        return value
