"""Staff's way in: password, second factor, limits on guessing, and on how long it lasts."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import AuditEntry, User
from accounts.services import current_code, reset_second_factor, set_login
from agora.lib.staff_sessions import SEEN, SINCE
from agora.tests.rows import PASSWORD, new_person
from agora.tests.staff import STAFF_PASSWORD, console_of, new_staff
from agora.tests.tables import unchanged

pytestmark = pytest.mark.django_db(transaction=True)

FACTOR = "/admin/second-factor/"


@pytest.fixture(autouse=True)
def _prompt(settings: Any) -> None:
    settings.OTP_TOTP_THROTTLE_FACTOR = 0.001  # seconds; its doubling is tested by itself


def _sign_in(client: Client, name: str = "root", password: str = STAFF_PASSWORD, path: str = "/admin/login/") -> Any:
    return client.post(path, {"username": name, "password": password, "next": "/admin/"})


def _code(user: User) -> str:
    return current_code(username=user.username, now=timezone.now())


def _wrong(user: User) -> str:
    return f"{(int(_code(user)) + 1) % 10**6:06d}"


def test_a_password_alone_opens_nothing_and_a_code_opens_the_console() -> None:
    user, client = new_staff(), Client()
    assert _sign_in(client)["Location"] == "/admin/"
    assert client.get("/admin/")["Location"] == "/admin/login/?next=/admin/"
    asked = client.get("/admin/login/?next=/admin/orders/order/")
    assert asked["Location"] == f"{FACTOR}?next=%2Fadmin%2Forders%2Forder%2F"

    answer = client.post(FACTOR, {"code": _code(user), "next": "/admin/orders/order/"})

    assert (answer.status_code, answer["Location"]) == (302, "/admin/orders/order/")
    assert client.get("/admin/orders/order/").status_code == 200


def test_the_session_key_changes_with_the_second_factor() -> None:
    user, client = new_staff(), Client()
    _sign_in(client)
    before = client.session.session_key
    client.post(FACTOR, {"code": _code(user)})
    assert client.session.session_key != before


def test_a_code_works_once() -> None:
    user, first, second = new_staff(), Client(), Client()
    code = _code(user)
    for client in (first, second):
        _sign_in(client)
        client.post(FACTOR, {"code": code})
    assert first.get("/admin/").status_code == 200
    assert second.get("/admin/").status_code == 302


def test_nobody_is_led_away_from_here_by_next() -> None:
    user, client = new_staff(), Client()
    _sign_in(client)
    assert client.post(FACTOR, {"code": _code(user), "next": "https://evil.example/"})["Location"] == "/admin/"


def test_wrong_codes_are_counted_and_slowed_down(settings: Any) -> None:
    settings.OTP_TOTP_THROTTLE_FACTOR = 1
    user, client = new_staff(), Client()
    _sign_in(client)
    assert "Type the six digits" in client.post(FACTOR, {"code": _wrong(user)}).content.decode()

    answer = client.post(FACTOR, {"code": _code(user)})  # the right one, too soon

    assert "Too many wrong codes. Wait 1 seconds" in answer.content.decode()
    assert client.get("/admin/").status_code == 302
    assert TOTPDevice.objects.get().throttling_failure_count == 1


def _code_of(secret: str, wrong: int = 0) -> str:
    key = base64.b32decode(secret)
    return f"{(TOTP(key).token() + wrong) % 10**6:06d}"


def _shown_secret(client: Client) -> str:
    page = client.get(f"{FACTOR}new/").content.decode()
    secret = re.search(r'class="secret">([A-Z2-7]+)<', page)
    assert secret
    assert "<svg" in page
    assert "style=" not in page
    return secret[1]


def test_the_first_sign_in_sets_up_a_second_factor_once() -> None:
    user, client = new_staff(), Client()
    TOTPDevice.objects.all().delete()
    _sign_in(client)
    assert client.get(FACTOR)["Location"] == f"{FACTOR}new/?next=%2Fadmin%2F"

    secret = _shown_secret(client)
    assert _shown_secret(client) == secret  # looking again, in the same browser
    assert client.get("/admin/").status_code == 302  # not yet
    assert "Type the six digits" in client.post(f"{FACTOR}new/", {"code": _code_of(secret, wrong=1)}).content.decode()
    assert not TOTPDevice.objects.exists()
    assert client.post(f"{FACTOR}new/", {"code": _code_of(secret)})["Location"] == "/admin/"

    assert client.get("/admin/").status_code == 200
    entry = AuditEntry.objects.get(action="login.second_factor_set")
    assert (entry.actor, entry.subject, len(entry.request_id)) == (f"staff:{user.pk}", f"user:{user.pk}", 32)
    other = Client()
    _sign_in(other)
    shown = other.get(f"{FACTOR}new/")  # whoever has only the password is shown no secret any more
    assert (shown.status_code, shown["Location"].startswith(FACTOR)) == (302, True)


def test_whoever_looked_first_with_a_stolen_password_knows_nothing_of_the_owners_secret() -> None:
    new_staff()
    TOTPDevice.objects.all().delete()
    thief, owner = Client(), Client()
    for client in (thief, owner):
        _sign_in(client)
    stolen, own = _shown_secret(thief), _shown_secret(owner)
    assert stolen != own
    owner.post(f"{FACTOR}new/", {"code": _code_of(own)})

    answer = thief.post(f"{FACTOR}new/", {"code": _code_of(stolen)})

    assert answer["Location"].startswith(f"{FACTOR}?")
    assert thief.get("/admin/").status_code == 302
    assert TOTPDevice.objects.get().bin_key == base64.b32decode(own)


def test_a_second_factor_that_was_taken_away_closes_the_session_at_once() -> None:
    user = new_staff()
    client = console_of(user)
    assert client.get("/admin/").status_code == 200
    reset_second_factor(user=user, actor="staff:1", reason="lost phone", now=timezone.now())
    assert client.get("/admin/").status_code == 302


def test_a_customer_is_never_asked_for_a_second_factor() -> None:
    alice, client = new_person("alice"), Client()
    set_login(username="alice", password=PASSWORD)
    _sign_in(client, "alice", PASSWORD, "/sign-in/")
    assert client.get("/").status_code == 200
    assert client.session["_auth_user_id"] == str(alice.user.pk)
    assert client.get(FACTOR)["Location"].startswith("/admin/login/")


# --- How long it lasts -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("key", "ago", "is_in"),
    [
        (SEEN, timedelta(minutes=14), True),
        (SEEN, timedelta(minutes=15), False),
        (SINCE, timedelta(hours=7, minutes=59), True),
        (SINCE, timedelta(hours=8), False),
    ],
)
def test_staff_are_signed_out_when_idle_and_after_a_day(key: str, ago: timedelta, is_in: bool) -> None:
    client = console_of(new_staff())
    client.get("/admin/")
    session = client.session
    session[key] = (timezone.now() - ago).timestamp()
    session.save()
    for path in ("/admin/", "/"):
        client.get(path)
    assert (client.get("/admin/").status_code == 200) is is_in
    assert ("_auth_user_id" in client.session) is is_in


def test_working_keeps_the_session_and_does_not_save_it_at_each_request() -> None:
    client = console_of(new_staff())
    client.get("/admin/")
    first = client.session[SEEN]
    client.get("/admin/")
    assert client.session[SEEN] == first
    session = client.session
    session[SEEN] = first - 61
    session.save()
    client.get("/admin/")
    assert client.session[SEEN] >= first


def test_customers_sessions_are_not_cut_short() -> None:
    client = Client()
    client.force_login(new_person("alice").user)
    session = client.session
    session[SEEN] = session[SINCE] = 0
    session.save()
    client.get("/")
    assert "_auth_user_id" in client.session


# --- Guessing passwords ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/admin/login/", "/sign-in/"])
def test_ten_wrong_passwords_close_the_door_to_that_address_and_to_no_other(path: str) -> None:
    new_staff()
    guesser, other = Client(REMOTE_ADDR="198.51.100.7"), Client(REMOTE_ADDR="198.51.100.8")
    for number in range(9):
        assert _sign_in(guesser, f"root{number % 2 or ''}", "wrong", path).status_code == 200
    assert _sign_in(guesser, "root", "wrong", path).status_code == 429

    locked = _sign_in(guesser, path=path)  # the right one

    assert (locked.status_code, locked["Retry-After"]) == (429, "900")
    assert "Too many wrong passwords" in locked.content.decode()
    assert "_auth_user_id" not in guesser.session
    assert _sign_in(other, path=path).status_code == 302


def test_a_right_password_forgives_the_wrong_ones() -> None:
    new_staff()
    client = Client()
    for _ in range(2):
        for _ in range(6):
            assert _sign_in(client, password="wrong").status_code == 200
        assert _sign_in(client).status_code == 302
        client.logout()


def test_the_address_is_taken_from_our_proxy_alone(settings: Any) -> None:
    new_staff()
    settings.TRUSTED_PROXIES = 1
    client = Client(REMOTE_ADDR="10.0.0.1")
    for number in range(11):  # what the guesser writes into the header itself changes nothing
        header = f"192.0.2.{number}, 198.51.100.7"
        answer = client.post("/admin/login/", {"username": "root", "password": "wrong"}, HTTP_X_FORWARDED_FOR=header)
    assert answer.status_code == 429


# --- Edits of logins, and the sandbox's help -------------------------------------------------------------------------
def test_an_edit_of_a_login_is_audited_by_its_powers_and_without_names() -> None:
    root, eva = new_staff(), new_staff("eva", group="viewer")
    client = console_of(root)
    page = f"/admin/accounts/user/{eva.pk}/change/"
    form = {
        **{"username": "eva", "first_name": "Eva", "last_name": "Canary", "email": "eva@example.com"},
        **{"is_staff": "on", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00", "groups": []},
    }

    answer = client.post(page, form)

    assert answer.status_code == 302, answer.content
    entry = AuditEntry.objects.get(action="login.change")
    assert (entry.actor, entry.subject) == (f"staff:{root.pk}", f"user:{eva.pk}")
    assert (entry.before, entry.after) == (
        '{"groups":"viewer","is_active":"True"}',
        '{"groups":"","is_active":"False"}',
    )
    assert "Canary" not in f"{entry.before}{entry.after}{entry.reason}"
    with unchanged():
        assert client.post(f"/admin/accounts/user/{eva.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_new_password_by_an_administrator_is_audited() -> None:
    root, eva = new_staff(), new_staff("eva", group="viewer")
    typed = "a new and long password 42"
    answer = console_of(root).post(
        f"/admin/accounts/user/{eva.pk}/password/", {"usable_password": "true", "password1": typed, "password2": typed}
    )
    assert answer.status_code == 302, answer.content
    assert AuditEntry.objects.get(action="login.password").subject == f"user:{eva.pk}"


def test_the_sandbox_tells_the_code_and_nothing_else_does(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    user = new_staff()
    call_command("totp_code", "root")
    assert capsys.readouterr().out.strip() == _code(user)
    with pytest.raises(CommandError, match="no second factor"):
        call_command("totp_code", "somebody")
    settings.AGORA_MODE = "paper"
    with pytest.raises(CommandError, match="AGORA_MODE=sandbox"):
        call_command("totp_code", "root")


def test_no_page_of_the_console_has_inline_script_or_style() -> None:
    client = console_of(new_staff())
    new_person("una")
    for path in (
        "/admin/",
        "/admin/accounts/customer/",
        "/admin/accounts/user/add/",
        FACTOR,
        "/admin/accounts/auditentry/",
    ):
        page = client.get(path).content.decode()
        assert not re.search(r"<[^>]+\sstyle=|<style|<script(?![^>]*\ssrc=)[^>]*>\s*\S|\son\w+=", page), path
