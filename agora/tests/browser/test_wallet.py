"""wallet.js in a real browser, with wallets that sign, and with every way we know of for a wallet not to."""

from __future__ import annotations

import re

import pytest
from eth_account import Account

from agora.lib.anvil import CHAIN_ID
from agora.tests.browser import journey, wallets
from agora.tests.browser.checks import assert_accessible
from agora.tests.browser.conftest import Visit
from agora.tests.browser.visitors import Visitor
from agora.tests.browser.wallets import Wallet

SIGNED_OUT, SIGNED_IN = "/sign-in/", "/dashboard/"


def at_sign_in(visit: Visit, *owned: Wallet, **how: object) -> Visitor:
    visitor = visit(wallets=owned, **how)
    visitor.go("/sign-in/")
    return visitor


def says(visitor: Visitor, words: str) -> None:
    """The page's message ends up with these words in it, and nobody is signed in."""
    visitor.page.locator("[data-wallet-status]", has_text=words).wait_for()
    assert visitor.page.url == f"{visitor.url}{SIGNED_OUT}"
    assert not is_signed_in(visitor)


def is_signed_in(visitor: Visitor) -> bool:
    return visitor.context.request.get(f"{visitor.url}/orders/", max_redirects=0).status == 200


def gets_in(visitor: Visitor) -> None:
    visitor.page.wait_for_url(visitor.url + SIGNED_IN)
    assert is_signed_in(visitor)


def test_a_wallet_signs_our_text_and_its_owner_is_in(visit: Visit) -> None:
    visitor = at_sign_in(visit, Wallet())

    journey.choose_wallet(visitor)
    gets_in(visitor)

    (text,) = visitor.wallet.texts()
    host = visitor.url.removeprefix("http://")
    assert text.startswith(f"{host} wants you to sign in with your Ethereum account:\n{visitor.wallet.address}\n")
    assert visitor.wallet.asked() == {"eth_requestAccounts": 1, "eth_chainId": 1, "personal_sign": 1}


# --- What people do ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["eth_requestAccounts", "personal_sign"])
def test_declining_changes_nothing_and_one_may_try_again(visit: Visit, method: str) -> None:
    visitor = at_sign_in(visit, Wallet())
    visitor.wallet.refuse(method, wallets.DECLINED, times=1)

    journey.choose_wallet(visitor)
    says(visitor, "You declined in your wallet.")

    journey.choose_wallet(visitor)
    gets_in(visitor)


def test_an_impatient_double_click_asks_the_wallet_once(visit: Visit) -> None:
    visitor = at_sign_in(visit, Wallet())
    visitor.page.locator("[data-wallet-rdns]").dblclick()
    gets_in(visitor)
    assert visitor.wallet.asked()["eth_requestAccounts"] == 1


def test_a_second_click_on_a_wallet_that_waits_points_to_the_wallet(visit: Visit) -> None:
    visitor = at_sign_in(visit, Wallet())
    visitor.wallet.refuse("eth_requestAccounts", wallets.HANGS)
    journey.choose_wallet(visitor)
    says(visitor, "Open your wallet and choose an address.")
    journey.choose_wallet(visitor)
    says(visitor, "Your wallet is waiting for you already.")
    assert visitor.wallet.asked()["eth_requestAccounts"] == 1


def test_a_wallet_that_never_answers_does_not_block_the_other_one(visit: Visit) -> None:
    silent, good = Wallet(name="Silent", rdns="example.silent"), Wallet(name="Good", rdns="example.good")
    silent.refuse("personal_sign", wallets.HANGS)
    visitor = at_sign_in(visit, silent, good)

    journey.choose_wallet(visitor, silent)
    says(visitor, "Read the text in your wallet and sign it.")
    journey.choose_wallet(visitor, good)

    gets_in(visitor)
    assert good.address in good.texts()[0]


# --- Which wallets there are ------------------------------------------------------------------------------------------
def test_each_of_two_wallets_signs_for_itself(visit: Visit) -> None:
    first, second = Wallet(name="First", rdns="example.first"), Wallet(name="Second", rdns="example.second")
    visitor = at_sign_in(visit, first, second)
    assert [button.inner_text().strip() for button in visitor.page.locator("[data-wallet-rdns]").all()] == [
        "First",
        "Second",
    ]

    journey.choose_wallet(visitor, second)
    gets_in(visitor)

    assert first.calls == []
    assert second.address in second.texts()[0]


def test_two_wallets_that_claim_one_name_are_both_offered(visit: Visit) -> None:
    """Whoever announces first cannot hide the other: a wallet is known by its uuid (EIP-6963)."""
    visitor = at_sign_in(visit, Wallet(name="Real"), Wallet(name="Impostor"))
    assert visitor.page.locator("[data-wallet-rdns]").count() == 2


def test_a_wallet_that_announces_itself_again_is_offered_once(visit: Visit) -> None:
    visitor = at_sign_in(visit, Wallet())
    visitor.page.evaluate("dispatchEvent(new Event('eip6963:requestProvider'))")
    assert visitor.page.locator("[data-wallet-rdns]").count() == 1


def test_no_wallet_is_said_with_what_to_install_and_links_for_phones(visit: Visit) -> None:
    visitor = at_sign_in(visit)
    visitor.page.locator("[data-wallet-none]").wait_for()
    assert_accessible(visitor)
    links = [link.get_attribute("href") for link in visitor.page.locator("[data-wallet-none] a").all()]
    host = visitor.url.removeprefix("http://")
    assert links == [
        f"https://link.metamask.io/dapp/{host}/sign-in/",
        f"https://go.cb-w.com/dapp?cb_url=http%3A%2F%2F{host.replace(':', '%3A')}%2Fsign-in%2F",
    ]


def test_a_wallet_that_starts_late_takes_the_place_of_that_advice(visit: Visit) -> None:
    visitor = at_sign_in(visit, Wallet(announces_after=900))
    visitor.page.locator("[data-wallet-none]").wait_for()
    journey.choose_wallet(visitor)
    gets_in(visitor)


def test_a_wallet_from_before_the_standard_works_too(visit: Visit) -> None:
    visitor = at_sign_in(visit, Wallet(is_legacy=True))
    journey.choose_wallet(visitor)
    gets_in(visitor)


def test_a_wallets_name_and_icon_are_shown_and_not_believed(visit: Visit) -> None:
    named = Wallet(name="<img src=x onerror=alert(1)>" + "a" * 300, icon="https://evil.example/pixel.png")
    visitor = at_sign_in(visit, named, device="phone")
    button = visitor.page.locator("[data-wallet-rdns]")
    assert button.locator("img").count() == 0
    assert button.inner_text().startswith("<img src=x")
    room, wide = visitor.page.evaluate("[document.documentElement.clientWidth, document.documentElement.scrollWidth]")
    assert wide <= room


NONSENSE = [
    "null",
    "undefined",
    "7",
    "{}",
    "{info: {}, provider: null}",
    "{info: null, provider: {}}",
    "{info: {uuid: 'u', name: 'No provider', rdns: 'r', icon: ''}}",
    "{info: {uuid: 'u', name: 'No request', rdns: 'r', icon: ''}, provider: {}}",
    "{info: {uuid: 7, name: {}, rdns: [], icon: 1}, provider: {request() {}}}",
]


@pytest.mark.parametrize("detail", NONSENSE)
def test_an_announcement_that_is_none_is_passed_over(visit: Visit, detail: str) -> None:
    visitor = at_sign_in(visit, Wallet())
    visitor.page.evaluate(f"dispatchEvent(new CustomEvent('eip6963:announceProvider', {{detail: {detail}}}))")
    assert visitor.page.locator("[data-wallet-rdns]").count() == 1
    journey.choose_wallet(visitor)
    gets_in(visitor)


# --- Wallets that misbehave -------------------------------------------------------------------------------------------
def test_a_locked_wallet_is_named_as_that(visit: Visit) -> None:
    visitor = at_sign_in(visit, Wallet(is_locked=True))
    journey.choose_wallet(visitor)
    says(visitor, "Unlock it and try again.")
    visitor.wallet.is_locked = False
    journey.choose_wallet(visitor)
    gets_in(visitor)


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (wallets.PENDING, "Your wallet is waiting for you already."),
        (wallets.UNAUTHORIZED, "Your wallet has not allowed this page to see that address."),
        (wallets.UNDEFINED, "Your wallet did not answer."),
        (
            {"code": -32603, "message": "Internal JSON-RPC error."},
            "Your wallet reports an error: Internal JSON-RPC error.",
        ),
    ],
)
def test_what_a_wallet_answers_is_explained(visit: Visit, failure: wallets.Failure, words: str) -> None:
    visitor = at_sign_in(visit, Wallet())
    visitor.wallet.refuse("eth_requestAccounts", failure)
    journey.choose_wallet(visitor)
    says(visitor, words)


@pytest.mark.parametrize("answer", ["null", "'0x'", "{}", "['']", "[7]", "['hello']"])
def test_what_is_no_address_is_never_signed_for(visit: Visit, answer: str) -> None:
    visitor = at_sign_in(visit)
    provider = f"{{request: async ({{method}}) => method === 'eth_chainId' ? '0x7a69' : {answer}}}"
    info = "{uuid: 'u', name: 'Odd', rdns: 'example.odd', icon: ''}"
    visitor.page.evaluate(
        "dispatchEvent(new CustomEvent('eip6963:announceProvider', "
        f"{{detail: {{info: {info}, provider: {provider}}}}}))"
    )
    visitor.page.locator('[data-wallet-rdns="example.odd"]').click()
    says(visitor, "Unlock it and try again.")


@pytest.mark.parametrize("signature", ["", "0x", "hello", "0x" + "00" * 65])
def test_what_is_no_signature_is_refused_with_a_sentence(visit: Visit, signature: str) -> None:
    visitor = at_sign_in(visit, Wallet())
    visitor.expect("status of 403")
    visitor.wallet._sign = lambda data, address: {"result": signature}  # type: ignore[method-assign]
    journey.choose_wallet(visitor)
    visitor.page.locator("[data-wallet-status]", has_text=re.compile(r"Choose it again|Start again")).wait_for()
    assert not is_signed_in(visitor)


def test_another_accounts_signature_does_not_get_in(visit: Visit) -> None:
    """The account was changed in the wallet between its two questions."""
    visitor = at_sign_in(visit, Wallet(signs_with=Account.create()))
    visitor.expect("status of 403")
    journey.choose_wallet(visitor)
    says(visitor, "It was not signed by the wallet you chose.")


# --- Chains -----------------------------------------------------------------------------------------------------------
def test_a_wallet_on_another_chain_is_asked_to_change(visit: Visit) -> None:
    visitor = at_sign_in(visit, Wallet(chain_id=1))
    journey.choose_wallet(visitor)
    gets_in(visitor)
    assert visitor.wallet.chain_id == CHAIN_ID
    assert visitor.wallet.asked()["wallet_switchEthereumChain"] == 1


@pytest.mark.parametrize("failure", [wallets.UNKNOWN_CHAIN, wallets.WRAPPED_UNKNOWN_CHAIN])
@pytest.mark.parametrize("adding_switches", [True, False])
def test_a_wallet_that_does_not_know_our_chain_is_given_it(
    visit: Visit, failure: wallets.Failure, adding_switches: bool
) -> None:
    visitor = at_sign_in(visit, Wallet(chain_id=1, knows=(1,), adding_switches=adding_switches))
    visitor.wallet.refuse("wallet_switchEthereumChain", failure, times=1)
    journey.choose_wallet(visitor)
    gets_in(visitor)
    assert visitor.wallet.asked()["wallet_addEthereumChain"] == 1
    assert visitor.wallet.chain_id == CHAIN_ID


@pytest.mark.parametrize("method", ["wallet_switchEthereumChain", "wallet_addEthereumChain"])
def test_declining_the_change_of_chain_signs_nothing(visit: Visit, method: str) -> None:
    visitor = at_sign_in(visit, Wallet(chain_id=1, knows=(1,)))
    visitor.wallet.refuse(method, wallets.DECLINED)
    journey.choose_wallet(visitor)
    says(visitor, "You declined in your wallet.")
    assert visitor.wallet.texts() == []


def test_a_wallet_that_says_it_changed_and_did_not_signs_nothing(visit: Visit) -> None:
    visitor = at_sign_in(visit, Wallet(chain_id=1))
    visitor.wallet._switch = lambda chain_id: {"result": None}  # type: ignore[method-assign]
    journey.choose_wallet(visitor)
    says(visitor, f"(network {CHAIN_ID}) there, and try again.")
    assert visitor.wallet.texts() == []


def test_a_wallet_that_cannot_change_chains_says_where_to_do_it(visit: Visit) -> None:
    visitor = at_sign_in(visit, Wallet(chain_id=1))
    visitor.wallet.refuse("wallet_switchEthereumChain", wallets.UNSUPPORTED)
    journey.choose_wallet(visitor)
    says(visitor, f"(network {CHAIN_ID}) there, and try again.")
    visitor.wallet.chain_id = CHAIN_ID  # by hand, in the wallet
    journey.choose_wallet(visitor)
    gets_in(visitor)


# --- The way to us ----------------------------------------------------------------------------------------------------
def test_a_lost_connection_is_said_in_our_words(visit: Visit) -> None:
    visitor = at_sign_in(visit, Wallet())
    visitor.expect("ERR_INTERNET_DISCONNECTED")
    visitor.context.set_offline(True)
    journey.choose_wallet(visitor)
    visitor.page.locator("[data-wallet-status]", has_text="We could not be reached.").wait_for()
    visitor.context.set_offline(False)
    journey.choose_wallet(visitor)
    gets_in(visitor)


def test_a_page_that_is_older_than_its_cookies_asks_to_be_loaded_again(visit: Visit) -> None:
    visitor = at_sign_in(visit, Wallet())
    visitor.expect("status of 403")
    visitor.context.clear_cookies()
    journey.choose_wallet(visitor)
    says(visitor, "Load this page again")
    visitor.page.reload()
    journey.choose_wallet(visitor)
    gets_in(visitor)


def test_where_one_wanted_to_go_is_where_one_gets(visit: Visit) -> None:
    visitor = visit(wallets=[Wallet()])
    visitor.go("/orders/")
    assert visitor.page.url == f"{visitor.url}/sign-in/?next=/orders/"
    journey.choose_wallet(visitor)
    visitor.page.wait_for_url(f"{visitor.url}/orders/")


def test_without_javascript_the_page_says_what_needs_it_and_a_password_still_works(visit: Visit) -> None:
    visitor = at_sign_in(visit, has_javascript=False)
    assert visitor.page.locator("noscript p.note").inner_text() != ""
    visitor.page.locator("summary").click()
    assert visitor.page.locator('[name="password"]').is_visible()


# --- Attacks (more in accounts/tests/test_wallet_sign_in.py) ----------------------------------------------------------
def test_a_signature_caught_on_its_way_does_not_sign_in_anywhere_else(visit: Visit) -> None:
    caught: list[str] = []
    victim = visit(wallets=[Wallet()])
    victim.page.on("request", lambda r: caught.append(r.post_data or "") if r.url.endswith("/verify") else None)
    journey.sign_in(victim)
    (body,) = caught

    thief = at_sign_in(visit)
    csrf = thief.page.locator("[data-wallet]").get_attribute("data-csrf") or ""
    for visitor, token in ((thief, csrf), (victim, _csrf_of(victim))):
        headers = {"Content-Type": "application/json", "X-CSRFToken": token}
        answer = visitor.context.request.post(f"{visitor.url}/auth/wallet/verify", data=body, headers=headers)
        assert (answer.status, answer.json()["code"]) == (409, "challenge_unknown")
    assert not is_signed_in(thief)


def _csrf_of(visitor: Visitor) -> str:
    """A signed-in person's token stands in their sign-out form."""
    return visitor.page.locator('[name="csrfmiddlewaretoken"]').first.input_value()
