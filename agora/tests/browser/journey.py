"""From nothing to "Minted" by a person's own hands, in any language: nothing here reads a word of a page.

Pages are found by their paths, fields by their names, buttons by their `data-test` (docs/browser-tests.md).
"""

from __future__ import annotations

import re
import time

from agora.tests.browser.mailbox import Mailbox
from agora.tests.browser.people import Applicant
from agora.tests.browser.visitors import Visitor
from agora.tests.browser.wallets import Wallet

ORDER_URL = re.compile(r"/orders/[0-9a-f-]{36}/$")
CHECK_WITHIN = 30.0  # seconds, of an identity
MINT_WITHIN = 60_000  # milliseconds


def choose_wallet(visitor: Visitor, wallet: Wallet | None = None) -> None:
    """Press the wallet's button on a page that signs."""
    chosen = wallet or visitor.wallet
    visitor.page.locator(f'[data-wallet-rdns="{"injected" if chosen.is_legacy else chosen.rdns}"]').click()


def sign_in(visitor: Visitor, wallet: Wallet | None = None) -> None:
    visitor.go("/sign-in/")
    choose_wallet(visitor, wallet)
    visitor.page.wait_for_url(lambda url: "/sign-in/" not in url)


def onboard(visitor: Visitor, applicant: Applicant, mailbox: Mailbox) -> None:
    """Apply, confirm the e-mailed link, and be approved."""
    submit_application(visitor, applicant)
    confirm_email(visitor, mailbox.link_to(applicant.email))
    until_approved(visitor)


def submit_application(visitor: Visitor, applicant: Applicant) -> None:
    page = visitor.page
    visitor.go("/onboarding/")
    page.locator('[name="full_name"]').fill(applicant.full_name)
    page.locator('[name="email"]').fill(applicant.email)
    page.locator(f'[name="country"][value="{applicant.country}"]').check()
    page.locator('[name="tax_id"]').press_sequentially(re.sub(r"\D", "", applicant.tax_id))  # the page adds the dots
    assert page.locator('[name="tax_id"]').input_value() == applicant.tax_id
    for consent in page.locator('input[type="checkbox"][name^="accept_"]').all():
        consent.check()
    page.locator('[data-test="submit-profile"]').click()
    page.locator('[name="full_name"]').wait_for(state="detached")


def confirm_email(visitor: Visitor, link: str) -> None:
    """Open the link and press its button."""
    visitor.page.goto(link)
    button = visitor.page.locator('[data-test="confirm-email"]')
    button.click()
    button.wait_for(state="detached")


def until_approved(visitor: Visitor) -> None:
    """Look at the application's page until it offers a first purchase."""
    deadline = time.monotonic() + CHECK_WITHIN
    visitor.go("/onboarding/")
    while not visitor.page.locator('[data-test="first-buy"]').count():
        assert time.monotonic() < deadline, f"not approved within {CHECK_WITHIN:g} s"
        visitor.page.wait_for_timeout(300)
        visitor.go("/onboarding/")


def review(visitor: Visitor, quantity: str) -> None:
    """Fill the form and look at the estimate."""
    visitor.go("/buy/")
    visitor.page.locator('[name="quantity"]').fill(quantity)
    visitor.page.locator('[data-test="review"]').click()
    visitor.page.locator('[data-test="place"]').wait_for()


def buy(visitor: Visitor, quantity: str = "0.25") -> str:
    """Order it; the path of the order's page, on which one is then."""
    review(visitor, quantity)
    visitor.page.locator('[data-test="place"]').click()
    visitor.page.wait_for_url(ORDER_URL)
    return visitor.page.url.removeprefix(visitor.url)


def until_minted(visitor: Visitor) -> None:
    """Stay on the order's page until it says so by itself: four steps done."""
    visitor.page.locator(".timeline .done").nth(3).wait_for(timeout=MINT_WITHIN)
