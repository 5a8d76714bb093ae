"""Signing in with a wallet (EIP-4361), and every way to cheat at it that we know of."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from eth_account import Account

from accounts import siwe
from accounts.errors import ChallengeUnknown, ChallengeUsed
from accounts.models import Customer, SignInChallenge, User, Wallet
from accounts.services import bind_wallet, issue_challenge, prune_challenges, redeem_challenge
from accounts.tests.people import Browser, browser, newcomer, sign

pytestmark = pytest.mark.django_db(transaction=True)  # the chain is asked with no transaction open

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture(autouse=True)
def _no_contract_wallets(chain: str) -> None:
    """Whoever fails as a key is asked for on the chain as a contract: there is none there."""


def refused(visitor: Browser, signature: str, code: str) -> None:
    """The signature is refused so, and nobody is signed in, made or bound."""
    before = (User.objects.count(), Wallet.objects.count())
    answer = visitor.verify(signature)
    assert (answer.json()["code"], answer["Content-Type"]) == (code, "application/problem+json")
    assert answer.status_code in (400, 403, 409, 422)
    assert visitor.user_id is None
    assert (User.objects.count(), Wallet.objects.count()) == before


def test_a_new_wallet_opens_an_account_and_is_signed_in_under_a_new_session_key() -> None:
    visitor = browser()
    text = visitor.text()
    before = visitor.client.session.session_key

    answer = visitor.verify(sign(visitor.wallet, text))

    assert (answer.status_code, answer.json()) == (200, {"next": "/dashboard/"})
    wallet = Wallet.objects.get()
    assert (wallet.address, str(wallet.customer.user_id)) == (visitor.wallet.address, visitor.user_id)
    assert (wallet.proven_at is not None, wallet.customer.status, wallet.customer.country) == (True, "PENDING", "")
    assert visitor.client.session.session_key != before
    assert not Client(SERVER_NAME="testserver").get("/orders/", HTTP_COOKIE=f"sessionid={before}").wsgi_request.user.pk


def test_the_text_is_the_standards_byte_for_byte() -> None:
    visitor = browser()

    text = visitor.text()

    challenge = SignInChallenge.objects.get()
    issued, expires = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (challenge.created_at, challenge.expires_at))
    assert text == (
        f"testserver wants you to sign in with your Ethereum account:\n{visitor.wallet.address}\n\n"
        "Sign in to Agora. This costs nothing and moves nothing.\n\n"
        f"URI: http://testserver/sign-in/\nVersion: 1\nChain ID: 31337\nNonce: {challenge.nonce}\n"
        f"Issued At: {issued}\nExpiration Time: {expires}"
    )
    assert len(bytes.fromhex(challenge.nonce)) * 8 >= 128
    assert challenge.expires_at - challenge.created_at == timedelta(minutes=5)


def test_the_same_wallet_comes_back_to_the_same_account() -> None:
    first = browser()
    first.sign_in()
    again = browser(first.wallet)
    again.sign_in()
    assert (again.user_id, User.objects.count()) == (first.user_id, 1)


def test_a_signature_is_used_once() -> None:
    visitor = browser()
    signature = sign(visitor.wallet, visitor.text())
    stolen_session = visitor.client.cookies["sessionid"].value
    assert visitor.verify(signature).status_code == 200

    thief = browser(visitor.wallet)
    thief.client.cookies["sessionid"] = stolen_session
    refused(thief, signature, "challenge_unknown")  # the old session key is gone, and with it the text
    visitor.client.post("/sign-out/")
    refused(visitor, signature, "challenge_unknown")


def test_a_used_text_is_refused_in_its_own_session_too() -> None:
    wallet = Account.create()
    now = timezone.now()
    asked = {"address": wallet.address, "chain_id": 31337, "origin": "http://testserver"}
    text = issue_challenge(**asked, session_key="s", user=None, now=now)
    signature = sign(wallet, text)
    redeem_challenge(signature=signature, session_key="s", user=None, now=now)

    with pytest.raises(ChallengeUsed):
        redeem_challenge(signature=signature, session_key="s", user=None, now=now)


def test_a_text_made_in_another_browser_is_nobodys_here() -> None:
    attacker, victim = browser(), browser()
    text = Browser(attacker.client, victim.wallet).text()  # the attacker asks in the victim's name: nonce fixation

    refused(victim, sign(victim.wallet, text), "challenge_unknown")  # the victim's own browser has asked for nothing

    victim.text()  # … and when it has, it has asked for another
    refused(victim, sign(victim.wallet, text), "signature_invalid")


def test_a_wrong_answer_uses_the_text_up_and_the_right_one_then_comes_too_late() -> None:
    visitor = browser()
    text = visitor.text()
    refused(visitor, sign(Account.create(), text), "signature_invalid")
    refused(visitor, sign(visitor.wallet, text), "challenge_used")


def planted() -> tuple[Browser, Browser]:
    """An attacker, and a victim in whose browser the attacker has put their own session's cookie."""
    attacker, victim = browser(), browser()
    attacker.text()
    victim.client.cookies["sessionid"] = attacker.client.cookies["sessionid"].value
    return attacker, victim


def test_whoever_planted_a_session_is_not_signed_in_by_its_victim() -> None:
    attacker, victim = planted()

    assert victim.sign_in().status_code == 200

    assert victim.user_id is not None
    assert attacker.client.get("/orders/").status_code == 302
    assert attacker.user_id is None


def test_a_text_slipped_into_a_planted_session_is_not_what_its_victim_signed() -> None:
    attacker, victim = planted()
    signature = sign(victim.wallet, victim.text())
    attacker.challenge(address=victim.wallet.address)  # the session's latest now, for the victim's own address
    refused(victim, signature, "signature_invalid")


def test_only_the_sessions_latest_text_counts() -> None:
    visitor = browser()
    first = visitor.text()
    visitor.text()
    refused(visitor, sign(visitor.wallet, first), "signature_invalid")


@pytest.mark.parametrize(
    ("what", "instead"),
    [
        ("testserver wants", "agora.example wants"),
        ("URI: http://testserver", "URI: https://evil.example"),
        ("Chain ID: 31337", "Chain ID: 1"),
        ("Version: 1", "Version: 2"),
        ("moves nothing", "moves everything"),
        ("Nonce: ", "Nonce: 0"),
        ("Issued At: 2", "Issued At: 3"),
        ("Expiration Time: 2", "Expiration Time: 9"),
        ("\n\nURI", "\nURI"),
    ],
)
def test_a_text_that_differs_in_anything_is_not_ours(what: str, instead: str) -> None:
    visitor = browser()
    text = visitor.text()
    assert what in text
    refused(visitor, sign(visitor.wallet, text.replace(what, instead)), "signature_invalid")


def test_after_five_minutes_it_is_too_late() -> None:
    visitor = browser()
    signature = sign(visitor.wallet, visitor.text())
    SignInChallenge.objects.update(
        created_at=timezone.now() - timedelta(minutes=5, seconds=1), expires_at=timezone.now()
    )
    refused(visitor, signature, "challenge_expired")


def test_another_wallets_signature_is_not_this_ones() -> None:
    visitor = browser()
    refused(visitor, sign(Account.create(), visitor.text()), "signature_invalid")


def malleable(signature: bytes) -> bytes:
    """The other s that recovers to the same key."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


REWRITES: dict[str, Any] = {
    "high s": malleable,
    "64 bytes (EIP-2098 or cut)": lambda raw: raw[:64],
    "66 bytes": lambda raw: raw + b"\0",
    "v of 0 or 1": lambda raw: raw[:64] + bytes([raw[64] - 27]),
    "v with a chain id": lambda raw: raw[:64] + bytes([raw[64] + 10]),
    "the other v": lambda raw: raw[:64] + bytes([55 - raw[64]]),
    "r of zero": lambda raw: bytes(32) + raw[32:],
    "s of zero": lambda raw: raw[:32] + bytes(32) + raw[64:],
    "r beyond the order": lambda raw: ORDER.to_bytes(32, "big") + raw[32:],
    "all ones": lambda raw: b"\xff" * 65,
    "nothing": lambda raw: b"",
}


@pytest.mark.parametrize("how", REWRITES)
def test_a_rewritten_signature_is_refused(how: str) -> None:
    visitor = browser()
    raw = bytes.fromhex(sign(visitor.wallet, visitor.text())[2:])
    refused(visitor, "0x" + REWRITES[how](raw).hex(), "signature_invalid")


@pytest.mark.parametrize("signature", ["", "0x", "0xzz", "hello", "0x" + "ab" * 9000])
def test_what_is_not_a_signature_is_refused(signature: str) -> None:
    visitor = browser()
    visitor.text()
    refused(visitor, signature, "signature_invalid")


def test_the_malleable_twin_does_recover_to_the_same_key_and_only_its_form_refuses_it() -> None:
    wallet = Account.create()
    twin = malleable(bytes.fromhex(sign(wallet, "text")[2:]))
    from eth_keys import keys

    r, s, v = int.from_bytes(twin[:32], "big"), int.from_bytes(twin[32:64], "big"), twin[64] - 27
    recovered = keys.Signature(vrs=(v, r, s)).recover_public_key_from_msg_hash(siwe.digest("text"))
    assert recovered.to_checksum_address() == wallet.address
    with pytest.raises(siwe.SignatureMalformed):
        siwe.recover(text="text", signature=twin)


def test_another_chain_and_a_mistyped_address_are_refused_before_anything_is_signed() -> None:
    visitor = browser()
    assert visitor.challenge(chain_id=1).json()["code"] == "chain_not_supported"
    wrong = visitor.wallet.address[:-1] + ("0" if visitor.wallet.address[-1] != "0" else "1")
    assert visitor.challenge(address=wrong).json()["code"] == "wallet_checksum_invalid"
    assert visitor.challenge(address="0x12").json()["code"] == "wallet_checksum_invalid"
    assert SignInChallenge.objects.count() == 0


def test_an_address_in_one_case_is_taken_and_checksummed() -> None:
    visitor = browser()
    text = visitor.challenge(address=visitor.wallet.address.lower()).json()["text"]
    assert visitor.wallet.address in text
    assert visitor.verify(sign(visitor.wallet, text)).status_code == 200


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"nonsense", b'{"address": 1, "chain_id": 31337}', b"[" * 30_000])
def test_garbage_is_refused_with_a_sentence(body: bytes) -> None:
    for url in ("/auth/wallet/challenge", "/auth/wallet/verify"):
        answer = Client().post(url, body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (422, "profile_invalid")


def test_both_need_the_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    for url in ("/auth/wallet/challenge", "/auth/wallet/verify"):
        assert client.post(url, {}, content_type="application/json").status_code == 403


def test_a_customer_adds_a_second_wallet_by_proving_it() -> None:
    visitor = browser()
    visitor.sign_in()
    second = Browser(visitor.client, Account.create())
    before = visitor.client.session.session_key

    assert "Add this wallet" in second.text()
    assert second.sign_in().status_code == 200

    assert Customer.objects.get().wallets.count() == 2
    assert visitor.client.session.session_key != before
    assert visitor.user_id is not None


def test_a_wallet_of_another_customer_cannot_be_added() -> None:
    owner, visitor = browser(), browser()
    owner.sign_in()
    visitor.sign_in()
    taken = Browser(visitor.client, owner.wallet)
    assert taken.sign_in().json()["code"] == "wallet_taken"
    assert Wallet.objects.get(address=owner.wallet.address).customer.user_id == int(owner.user_id or 0)


def test_a_text_made_signed_out_cannot_add_a_wallet_and_the_other_way_round() -> None:
    visitor = browser()
    visitor.sign_in()
    signature = sign(visitor.wallet, visitor.text())  # "Add this wallet"
    visitor.client.post("/sign-out/")
    refused(visitor, signature, "challenge_unknown")


def test_a_text_is_for_whoever_was_signed_in_when_it_was_made() -> None:
    """The session key changes with every sign-in; should it ever not, this stands behind it."""
    user, wallet, now = newcomer().user, Account.create(), timezone.now()
    for made_for, used_by in ((None, user), (user, None)):
        text = issue_challenge(
            address=wallet.address, chain_id=31337, origin="http://testserver", session_key="s", user=made_for, now=now
        )
        with pytest.raises(ChallengeUnknown):
            redeem_challenge(signature=sign(wallet, text), session_key="s", user=used_by, now=now)
    assert Wallet.objects.count() == 0


def test_staff_and_disabled_logins_do_not_get_in_by_a_wallet() -> None:
    staff = User.objects.create_user("staff", is_staff=True)
    visitor = browser()
    visitor.client.force_login(staff)
    assert visitor.sign_in().json()["code"] == "not_a_customer"

    customer = newcomer("gone")
    User.objects.filter(pk=customer.user_id).update(is_active=False)
    wallet = Account.create()
    bind_wallet(customer=customer, address=wallet.address, now=timezone.now())
    gone = browser(wallet)
    refused(gone, sign(wallet, gone.text()), "login_disabled")


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("/buy/", "/buy/"),
        ("https://evil.example/", "/dashboard/"),
        ("//evil.example", "/dashboard/"),
        ("javascript:alert(1)", "/dashboard/"),
        (7, "/dashboard/"),
    ],
)
def test_after_sign_in_one_goes_only_to_our_own_pages(wanted: object, got: str) -> None:
    visitor = browser()
    assert visitor.verify(sign(visitor.wallet, visitor.text()), next=wanted).json() == {"next": got}


def test_of_ten_simultaneous_uses_of_one_text_one_gets_in() -> None:
    wallet, now = Account.create(), timezone.now()
    asked = {"address": wallet.address, "chain_id": 31337, "origin": "http://testserver"}
    signature = sign(wallet, issue_challenge(**asked, session_key="s", user=None, now=now))
    outcomes: list[str] = []
    start = threading.Barrier(10)

    def use() -> None:
        try:
            start.wait()
            redeem_challenge(signature=signature, session_key="s", user=None, now=now)
            outcomes.append("in")
        except ChallengeUsed:
            outcomes.append("used")
        finally:
            connection.close()

    threads = [threading.Thread(target=use) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["in"] + ["used"] * 9
    assert (User.objects.count(), Wallet.objects.count()) == (1, 1)


def test_two_browsers_with_the_same_new_wallet_make_one_account() -> None:
    wallet, now = Account.create(), timezone.now()
    asked = {"address": wallet.address, "chain_id": 31337, "origin": "http://testserver", "user": None, "now": now}
    signatures = {key: sign(wallet, issue_challenge(**asked, session_key=key)) for key in "abcd"}
    users: list[int] = []
    start = threading.Barrier(4)

    def use(key: str) -> None:
        try:
            start.wait()
            users.append(redeem_challenge(signature=signatures[key], session_key=key, user=None, now=now).user.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=use, args=(key,)) for key in signatures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(users), len(set(users)), User.objects.count()) == (4, 1, 1)


def test_outside_the_sandbox_the_domain_is_ours_whatever_the_host_header_says(settings: Any) -> None:
    settings.BEHIND_TLS, settings.PUBLIC_URL, settings.ALLOWED_HOSTS = True, "https://agora.example", ["*"]
    visitor = browser()
    body = {"address": visitor.wallet.address, "chain_id": 31337}
    answer = visitor.client.post(
        "/auth/wallet/challenge", body, content_type="application/json", HTTP_HOST="evil.example"
    )
    assert answer.json()["text"].startswith("agora.example wants you to sign in")
    assert "evil" not in answer.json()["text"]


def test_old_texts_are_forgotten() -> None:
    visitor = browser()
    visitor.text()
    assert (prune_challenges(now=timezone.now()), prune_challenges(now=timezone.now() + timedelta(days=8))) == (0, 1)


def test_the_sign_in_page_offers_a_wallet_first_and_has_no_inline_script() -> None:
    page = Client().get("/sign-in/").content.decode()
    assert page.index("data-wallet") < page.index('name="password"')
    assert "link.metamask.io/dapp/testserver/sign-in/" in page
    assert "<script>" not in page
    assert "onclick" not in page
