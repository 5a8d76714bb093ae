"""Banco Central do Brasil's PTAX rate of the dollar, at its own paths: no key, no rate limit, OData's JSON.

https://dadosabertos.bcb.gov.br/dataset/dolar-americano-usd-todos-os-boletins-diarios
Dates in parameters are 'MM-DD-YYYY' in quotes; times in answers are Brasília's, without an offset; a period without a
business day gives an empty list.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from orders.sandbox import wire
from orders.sandbox.settings import Settings

PREFIX = "/olinda/servico/PTAX/versao/v1/odata"
PERIOD = f"{PREFIX}/CotacaoDolarPeriodo(dataInicial=@dataInicial,dataFinalCotacao=@dataFinalCotacao)"
BRASILIA = ZoneInfo("America/Sao_Paulo")
SPREAD = Decimal("0.0006")


class Ptax:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PERIOD, self.period)]

    async def period(self, request: web.Request) -> web.Response:
        """The newest closing rate of the period. Understood only as we ask: newest first, one."""
        if "+" in request.rel_url.raw_query_string:
            return web.Response(status=400, text="/* a plus is no space in OData */")
        asked = (request.query.get("$format"), request.query.get("$top"), request.query.get("$orderby"))
        if asked != ("json", "1", "dataHoraCotacao desc"):
            return web.Response(status=400, text=f"/* this sandbox does not know {asked} */")
        try:
            first, last = (_day(request.query[name]) for name in ("@dataInicial", "@dataFinalCotacao"))
        except (KeyError, ValueError):
            return web.Response(status=400, text="/* a date is 'MM-DD-YYYY' */")
        found = self._newest(first, last)
        context = f"https://was-p.bcnet.bcb.gov.br{PREFIX}$metadata#_CotacaoDolarPeriodo"
        return web.json_response({"@odata.context": context, "value": found}, dumps=wire.dumps)

    def _newest(self, first: date, last: date) -> list[dict[str, Any]]:
        moment = datetime.now(BRASILIA)
        closing = moment.replace(hour=13, minute=5, second=0, microsecond=0)
        while closing > moment or closing.weekday() >= 5 or closing.date() > last:
            closing -= timedelta(days=1)
        if closing.date() < first or not self._settings["ptax_published"]:
            return []
        sell = Decimal(self._settings["ptax_sell"])
        told = {"cotacaoCompra": float(sell - SPREAD), "cotacaoVenda": float(sell)}
        return [{**told, "dataHoraCotacao": f"{closing:%Y-%m-%d %H:%M:%S}.123"}]


def _day(text: str) -> date:
    return datetime.strptime(text, "'%m-%d-%Y'").date()  # noqa: DTZ007
