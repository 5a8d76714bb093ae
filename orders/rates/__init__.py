"""Where reference rates of the dollar come from, behind the port in `base`.

The real has Banco Central do Brasil's PTAX. For the guaraní there is none here: Banco Central del Paraguay publishes
its reference rate as a web page for people, without a documented interface
(https://www.bcp.gov.py/webapps/web/cotizacion/monedas), so staff enter it: `manage.py set_rate PYG …`.
"""

from __future__ import annotations

import functools

from django.conf import settings

from orders.rates.base import RateFeed
from orders.rates.ptax import PtaxFeed


@functools.cache
def get_rate_feeds() -> tuple[RateFeed, ...]:
    """One a process: its HTTP connections are kept."""
    return (PtaxFeed(url=settings.PTAX_URL),) if settings.PTAX_URL else ()
