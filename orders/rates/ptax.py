"""PTAX, Banco Central do Brasil's reference rate: the average of what dealers were asked on the day.

https://dadosabertos.bcb.gov.br/dataset/dolar-americano-usd-todos-os-boletins-diarios (OData, open to all). Dates of a
question are 'MM-DD-YYYY' in quotes; times of an answer are Brasília's, without an offset; days without business are
not there. Of the two rates we take the selling one: what a buyer of dollars pays, before a bank's spread and taxes.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import requests

from agora.lib.errors import Unavailable
from agora.lib.http import guarded_session
from orders.rates.base import Rate

BRASILIA = ZoneInfo("America/Sao_Paulo")
LOOK_BACK = timedelta(days=10)  # longer than any row of holidays
RESOURCE = "CotacaoDolarPeriodo(dataInicial=@dataInicial,dataFinalCotacao=@dataFinalCotacao)"


class PtaxFeed:
    currency = "BRL"
    source = "Banco Central do Brasil, PTAX"

    def __init__(self, *, url: str) -> None:
        """`url` up to and with `/odata`."""
        self._url = f"{url.rstrip('/')}/{RESOURCE}"
        self._session = guarded_session(vendor="rates")

    def latest(self, *, now: datetime) -> Rate:
        today = now.astimezone(BRASILIA).date()
        question = {
            "@dataInicial": f"'{today - LOOK_BACK:%m-%d-%Y}'",
            "@dataFinalCotacao": f"'{today:%m-%d-%Y}'",
            "$orderby": "dataHoraCotacao desc",
            "$top": "1",
            "$select": "cotacaoVenda,dataHoraCotacao",
            "$format": "json",
        }
        try:
            # Written as in the bank's examples: OData's own signs as they are, and a space as %20, never as a plus.
            query = urlencode(question, quote_via=quote, safe="@$',")
            answer = self._session.get(f"{self._url}?{query}", allow_redirects=False)
            if answer.status_code != 200:
                raise Unavailable(f"PTAX: {answer.status_code} {answer.text[:200]}")
            return _parse(answer.content)
        except (requests.RequestException, ValueError) as problem:
            raise Unavailable(f"PTAX: {type(problem).__name__}: {problem}") from problem


def _parse(body: bytes) -> Rate:
    """ValueError where it is not a rate."""
    raw: Any = json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    found = raw.get("value") if isinstance(raw, dict) else None
    if not isinstance(found, list) or not found:
        raise ValueError(f"no rate published: {body[:200]!r}")
    entry = found[0]
    rate, told = (entry.get("cotacaoVenda"), entry.get("dataHoraCotacao")) if isinstance(entry, dict) else (None, None)
    if isinstance(rate, bool) or not isinstance(rate, int | Decimal) or not isinstance(told, str):
        raise ValueError(f"not a rate: {entry!r}")
    at = datetime.fromisoformat(told)
    return Rate(per_usd=Decimal(rate), at=at if at.tzinfo else at.replace(tzinfo=BRASILIA))


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")
