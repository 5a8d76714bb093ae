"""The pages that every check visits. A new page is a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agora.tests.browser import journey
from agora.tests.browser.visitors import Visitor


@dataclass(frozen=True)
class SitePage:
    name: str  # of its screenshots, too
    path: str  # with conftest.Cast's paths in braces
    who: str = "stranger"  # stranger, newcomer, applicant, customer
    status: int = 200
    then: Callable[[Visitor], None] | None = None  # what has to be done there to see it

    def open(self, visitor: Visitor, paths: dict[str, str]) -> None:
        visitor.go(self.path.format(**paths), status=self.status)
        if self.then:
            self.then(visitor)


def _estimate(visitor: Visitor) -> None:
    journey.review(visitor, "0.25")


def _mistake(visitor: Visitor) -> None:
    visitor.page.locator("main form [data-test]").click()
    visitor.page.locator("main .error").first.wait_for()


def _open_all(visitor: Visitor) -> None:
    for summary in visitor.page.locator("main summary").all():
        summary.click()


PAGES = [
    SitePage("landing", "/"),
    SitePage("landing-questions", "/", then=_open_all),
    SitePage("sign-in", "/sign-in/"),
    SitePage("sign-in-password", "/sign-in/", then=_open_all),
    SitePage("what-you-own", "/what-you-own/"),
    SitePage("reserves", "/reserves/"),
    SitePage("check-receipt", "/receipts/verify/"),
    SitePage("link-expired", "/confirm-email/nonsense/"),
    SitePage("welcome", "/dashboard/", "newcomer"),
    SitePage("onboarding", "/onboarding/", "newcomer"),
    SitePage("onboarding-mistakes", "/onboarding/", "newcomer", then=_mistake),
    SitePage("profile-new", "/profile/", "newcomer"),
    SitePage("buy-not-yet", "/buy/", "newcomer"),
    SitePage("orders-none", "/orders/", "newcomer"),
    SitePage("onboarding-email", "/onboarding/", "applicant", then=_open_all),
    SitePage("confirm-email", "{confirm}", "applicant"),
    SitePage("onboarding-approved", "/onboarding/", "customer"),
    SitePage("dashboard", "/dashboard/", "customer"),
    SitePage("buy", "/buy/", "customer"),
    SitePage("buy-mistakes", "/buy/", "customer", then=_mistake),
    SitePage("buy-confirm", "/buy/", "customer", then=_estimate),
    SitePage("order", "{settled}", "customer"),
    SitePage("order-waiting", "{waiting}", "customer"),
    SitePage("order-rejected", "{rejected}", "customer"),
    SitePage("orders", "/orders/", "customer"),
    SitePage("profile", "/profile/", "customer", then=_open_all),
    SitePage("keys", "/profile/keys/", "customer", then=_open_all),
]
# By Lighthouse. Not a live order: it asks for news for ever, and Lighthouse waits for a quiet network to measure from.
SCORED = ("landing", "buy", "order")
PICTURED = {  # for the docs; the others are looked at by the checks alone
    *("landing", "sign-in", "what-you-own", "reserves", "welcome", "onboarding", "onboarding-email", "confirm-email"),
    *("onboarding-approved", "dashboard", "buy", "buy-confirm", "order", "order-waiting", "orders", "profile"),
    "check-receipt",
}
