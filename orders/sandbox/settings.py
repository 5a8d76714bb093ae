"""What can be switched at run time, kept in the store: POST /_sandbox/settings {"name": value, …}."""

from __future__ import annotations

from typing import Any

from orders.sandbox.store import Store

DEFAULTS: dict[str, Any] = {
    "market_open": True,  # at any hour, so that a demo works at night
    "market_closed_at": None,  # set by closing it: no trade and no quote is newer than that
    "fill_delay": 0.15,  # seconds from acceptance to the default fill, and to a step `fill` without `after`
    "minimum_cost": "1",  # dollars an order is worth at least: https://docs.alpaca.markets/docs/fractional-trading
    "cash": "10000000",  # dollars the account began with
    "rate_limit": None,  # requests a minute; Alpaca's is 200
    "prices": {},  # symbol → price as text, instead of the moving one
    "seed": "agora",
    "magic": True,  # the quantities of the package's docstring
    "frames": "binary",  # of the stream: paper sends binary, live "text"
    "stream": "on",  # "swallow" says nothing, "duplicate" all twice, "reorder" in pairs reversed, "refuse" no handshake
    # Whether /account/activities/FILL also lists trade_bust and trade_correct. Alpaca documents `type` there as fill or
    # partial_fill only; its newer Activity stream names all four. Off: as documented.
    "corrections_in_activities": False,
    "corporate_actions": {},  # kind → list of announcements, as GET /v1/corporate-actions gives them
    "ptax_sell": "5.4321",  # Banco Central's selling rate, reais a dollar
    "ptax_published": True,  # false: nothing was published in the days asked for, as over a long holiday
    "faults": None,  # what goes wrong by chance, by a seed: see `faults`
    "submitted_at": None,  # an RFC 3339 time given to every order from now on: to have equal ones
}


class Settings:
    def __init__(self, store: Store) -> None:
        self._store = store
        self.reload()

    def reload(self) -> None:
        self._values = {**DEFAULTS, **self._store.settings()}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def update(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Returns all settings. ValueError on a name that is none."""
        if unknown := sorted(changes.keys() - DEFAULTS.keys()):
            raise ValueError(f"no such setting: {', '.join(unknown)}; there are {', '.join(DEFAULTS)}")
        for name, value in changes.items():
            self._store.set_setting(name, value)
        self.reload()
        return self._values
