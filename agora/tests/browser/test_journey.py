"""From nothing to "Minted", by hand, in three languages, on a phone and on a computer."""

from __future__ import annotations

import pytest

from agora.tests import e2e
from agora.tests.browser import journey
from agora.tests.browser.conftest import Visit
from agora.tests.browser.mailbox import Mailbox
from agora.tests.browser.people import new_applicant
from agora.tests.browser.wallets import Wallet

pytestmark = pytest.mark.timeout(180)


def test_a_new_customer_signs_in_buys_and_sees_it_minted(
    visit: Visit, platform: e2e.Platform, mailbox: Mailbox, language: str, device: str
) -> None:
    visitor = visit(language=language, device=device, wallets=[Wallet()])
    journey.sign_in(visitor)
    journey.be_approved(visitor, platform, new_applicant(language), mailbox)

    journey.buy(visitor, "0.25")
    journey.until_minted(visitor)

    assert str(platform.chain.balance(visitor.wallet.address).normalize()) == "0.25"


@pytest.mark.xfail(strict=True, reason="the onboarding page is not built")
def test_a_stranger_signs_up_is_approved_buys_and_sees_it_minted(
    visit: Visit, platform: e2e.Platform, mailbox: Mailbox, language: str, device: str
) -> None:
    visitor = visit(language=language, device=device, wallets=[Wallet()])
    visitor.expect("status of 404")
    journey.sign_in(visitor)
    journey.onboard(visitor, new_applicant(language), mailbox)

    journey.buy(visitor, "0.25")
    journey.until_minted(visitor)

    assert str(platform.chain.balance(visitor.wallet.address).normalize()) == "0.25"
