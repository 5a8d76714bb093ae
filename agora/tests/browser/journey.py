"""From nothing to "Minted" by a person's own hands, in any language: nothing here reads a word of a page.

Pages are found by their paths, fields by their names, everything else by its `data-test` (docs/browser-tests.md).
"""

from __future__ import annotations

import dataclasses
import re

from agora.tests import e2e
from agora.tests.browser.mailbox import Mailbox
from agora.tests.browser.people import Applicant
from agora.tests.browser.visitors import Visitor
from agora.tests.browser.wallets import Wallet

ORDER_URL = re.compile(r"/orders/[0-9a-f-]{36}/$")
CHECK_WITHIN = 30_000  # milliseconds, of an identity
MINT_WITHIN = 60_000

# What the application's form does in the end, for tests that begin after it.
APPLY = """
from django.utils import timezone
from accounts.models import Wallet
from accounts.selectors import current_disclosures
from accounts.services import submit_profile
customer = Wallet.objects.get(address={address!r}).customer
accepted = [text.pk for text in current_disclosures(language={language!r})]
submit_profile(customer=customer, full_name={full_name!r}, email={email!r}, country={country!r},
               tax_id={tax_id!r}, accepted=accepted, ip="127.0.0.1", now=timezone.now())
"""
AWAIT = """
import time
from accounts.models import Wallet
deadline = time.monotonic() + 30
while (status := Wallet.objects.get(address={address!r}).customer.status) == "PENDING" and time.monotonic() < deadline:
    time.sleep(0.05)
print(status)
"""


def choose_wallet(visitor: Visitor, wallet: Wallet | None = None) -> None:
    """Press the wallet's button on a page that signs."""
    rdns = "injected" if (wallet or visitor.wallet).is_legacy else (wallet or visitor.wallet).rdns
    visitor.page.locator(f'[data-wallet-rdns="{rdns}"]').click()


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
    country = page.locator('[name="country"]')
    if country.first.get_attribute("type") == "radio":
        page.locator(f'[name="country"][value="{applicant.country}"]').check()
    else:
        country.select_option(applicant.country)
    page.locator('[name="tax_id"]').fill(applicant.tax_id)
    for consent in page.locator('input[type="checkbox"][name^="accept_"]').all():
        consent.check()
    page.locator('[data-test="onboarding-submit"]').click()
    page.locator('[data-test="kyc-status"]').wait_for()


def confirm_email(visitor: Visitor, link: str) -> None:
    """Open the link and press its button."""
    visitor.page.goto(link)
    with visitor.page.expect_response(lambda answer: answer.request.method == "POST") as answer:
        visitor.page.locator('[data-test="confirm-email"], main form button').first.click()
    assert answer.value.ok, answer.value.status


def until_approved(visitor: Visitor) -> None:
    """Wait at the application's page; it may move by itself or be loaded again."""
    visitor.go("/onboarding/")
    waited, step = 0, 1_000
    approved = visitor.page.locator('[data-test="kyc-status"][data-status="APPROVED"]')
    while not approved.count() and waited < CHECK_WITHIN:
        visitor.page.wait_for_timeout(step)
        visitor.page.reload()
        waited += step
    approved.wait_for(timeout=1)


def be_approved(visitor: Visitor, platform: e2e.Platform, applicant: Applicant, mailbox: Mailbox) -> None:
    """The same for whoever signed in, without the form: through the services, the e-mail and the provider."""
    address = visitor.wallet.address
    platform.manage(
        *("shell", "--no-imports", "-c"),
        APPLY.format(address=address, language=visitor.language.lower(), **dataclasses.asdict(applicant)),
    )
    confirm_email(visitor, mailbox.link_to(applicant.email))
    assert platform.python(AWAIT.format(address=address)) == "APPROVED"


def buy(visitor: Visitor, quantity: str = "0.25") -> str:
    """Fill the form, press Buy, and Confirm where that is a page of its own; the path of the order's page."""
    page = visitor.page
    visitor.go("/buy/")
    page.locator('[name="quantity"]').fill(quantity)
    page.locator('[data-test="buy-submit"], main form button.button').first.click()
    confirm = page.locator('[data-test="buy-confirm"]')
    confirm.or_(page.locator(".timeline")).first.wait_for()
    if confirm.count():
        confirm.click()
    page.wait_for_url(ORDER_URL)
    return page.url.removeprefix(visitor.url)


def until_minted(visitor: Visitor) -> None:
    """Stay on the order's page until it says so by itself, four steps done."""
    _until_status(visitor, "MINT_CONFIRMED", "SETTLED")
    assert visitor.page.locator(".timeline .done").count() == 4


def until_settled(visitor: Visitor) -> None:
    _until_status(visitor, "SETTLED")


def _until_status(visitor: Visitor, *statuses: str) -> None:
    hooks = [f'[data-test="order-status"][data-status="{status}"]' for status in statuses]
    today = [f"h1 .status-{status.lower()}" for status in statuses]
    visitor.page.locator(", ".join(hooks + today)).first.wait_for(timeout=MINT_WITHIN)
