"""Error answers as Fireblocks writes them: `{"message": …, "code": …}`.

Codes from https://developers.fireblocks.com/reference/api-error-codes where that page has one; for refusals it does
not list (a malformed body, a cancel that comes too late) UNLISTED stands in, and no adapter may depend on it.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

INVALID_SIGNATURE = -1
MISSING_API_KEY = -2
MISSING_JWT = -3
WRONG_URI = -4
WRONG_USER = -6
NOT_ACCEPTED = -7
EXPIRED = -10
FUTURE_IAT = -12
INVALID_FILTER = 1000
NO_VAULT_ACCOUNT = 1004
NO_ASSET = 1006
DUPLICATE_EXTERNAL_TX_ID = 1438
UNLISTED = 1400


class ApiError(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"message": message, "code": code}

    def response(self) -> web.Response:
        return web.json_response(self.body, status=self.status)
