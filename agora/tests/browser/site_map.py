"""The pages that every check visits. A new page is a line here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SitePage:
    name: str  # of its screenshots, too
    path: str  # "{settled}" and "{waiting}" are the customer's orders
    is_private: bool = False
    status: int = 200
    known: tuple[str, ...] = ()  # axe-core's rules that it breaks on a phone, and that wait to be mended

    def at(self, *, settled: str, waiting: str) -> str:
        return self.path.format(settled=settled, waiting=waiting)


PAGES = [
    SitePage("landing", "/"),
    SitePage("sign-in", "/sign-in/"),
    SitePage("reserves", "/reserves/", known=("scrollable-region-focusable",)),
    SitePage("dashboard", "/", is_private=True),
    SitePage("buy", "/buy/", is_private=True),
    SitePage("order", "{settled}", is_private=True),
    SitePage("order-waiting", "{waiting}", is_private=True, known=("meta-refresh",)),
    SitePage("orders", "/orders/", is_private=True),
]
SCORED = ("landing", "buy", "order")  # by Lighthouse
