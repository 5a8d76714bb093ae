"""What the parts of the server find each other by."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from accounts.sandbox.store import Store


@dataclass(frozen=True)
class Credentials:
    app_token: str
    secret_key: str
    webhook_secret: str


STORE = web.AppKey("store", Store)
CREDENTIALS = web.AppKey("credentials", Credentials)
