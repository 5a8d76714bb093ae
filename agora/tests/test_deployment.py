"""What an installation outside the sandbox relies on: secrets from files, Django's checks, headers of real answers."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import get_user
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings

from accounts.models import User
from agora.lib.ready import free_port, port_ready
from agora.lib.supervisor import Service, Supervisor

pytestmark = pytest.mark.timeout(600)  # the first of them may have to make the test database
ROOT = Path(__file__).resolve().parents[2]
SECRETS = {
    "SECRET_KEY": "0123456789abcdef" * 4,
    "SECRET_KEY_FALLBACKS": "fedcba9876543210" * 4,
    "DATABASE_URL": "postgres://agora_web:pa$$word@%2Fvar%2Frun%2Fpostgresql/agora",
    "PII_KEYS": "k1:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
    "PII_INDEX_KEY": "QkFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
    "SUMSUB_APP_TOKEN": "$starts-like-a-reference",
    "SUMSUB_SECRET_KEY": "sumsub",
    "SUMSUB_WEBHOOK_SECRET": "webhook",
    "EMAIL_URL": "smtp+tls://user:password@mail.example:587",
    "ALPACA_KEY_ID": "alpaca-id",
    "ALPACA_SECRET_KEY": "alpaca",
    "FIREBLOCKS_API_KEY": "fireblocks",
    "CHAIN_RPC_URLS": "https://one.example/key,https://two.example/key",
    "METRICS_TOKEN": "metrics",
}
TELL = (
    "import json, agora.settings as s;"
    "told = {n: getattr(s, n) for n in dir(s) if n.isupper() and isinstance(getattr(s, n), (str, list))};"
    "print(json.dumps(told, default=str))"
)


def _environment(**ours: str) -> dict[str, str]:
    """Nothing of the settings of whoever runs the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "AGORA_HOME") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), **ours}


def _settings(**ours: str) -> dict[str, object]:
    command = [sys.executable, "-c", TELL]
    done = subprocess.run(command, env=_environment(**ours), cwd=ROOT, capture_output=True, text=True, check=True)
    told: dict[str, object] = json.loads(done.stdout)
    return told


def test_every_secret_may_come_from_a_file(tmp_path: Path) -> None:
    files = {}
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(f"{value}\n")
        files[f"{name}_FILE"] = str(tmp_path / name)

    by_file, by_value = _settings(**files), _settings(**SECRETS)

    assert by_file == by_value
    lists = {"SECRET_KEY_FALLBACKS", "PII_KEYS", "CHAIN_RPC_URLS"}
    assert {n: by_file[n] for n in SECRETS if n not in lists and n != "EMAIL_URL"} == {
        n: v for n, v in SECRETS.items() if n not in lists and n != "EMAIL_URL"
    }
    assert [by_file[n] for n in sorted(lists)] == [SECRETS[n].split(",") for n in sorted(lists)]
    assert (by_file["EMAIL_HOST"], by_file["EMAIL_HOST_PASSWORD"]) == ("mail.example", "password")


def test_every_secret_of_the_settings_is_tried_above() -> None:
    source = (ROOT / "agora" / "settings.py").read_text()

    assert set(re.findall(r'_secrets?\("([A-Z_]+)"\)', source)) == SECRETS.keys()
    likely = re.findall(r'env\.\w+\(\s*"([A-Z_]*(?:SECRET|TOKEN|PASSWORD|API_KEY|_KEY)[A-Z_]*)"', source)
    not_secret = {name for name in likely if name.endswith("_FILE") or name.startswith("TOKEN_")}
    assert set(likely) == not_secret


def test_a_file_goes_before_a_value_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from the file")

    assert (
        _settings(ALPACA_KEY_ID="value", ALPACA_KEY_ID_FILE=str(tmp_path / "key"))["ALPACA_KEY_ID"] == "from the file"
    )
    with pytest.raises(subprocess.CalledProcessError):
        _settings(ALPACA_KEY_ID="value", ALPACA_KEY_ID_FILE=str(tmp_path / "no-such-file"))


# --- A paper installation, as the run-book sets it up ----------------------------------------------------------------
def _paper(directory: Path) -> dict[str, str]:
    jwt = directory / "jwt.json"
    jwt.write_text(json.dumps(["0x" + "11" * 32]))
    jwt.chmod(0o600)
    host = str(connection.settings_dict["HOST"]).replace("/", "%2F")
    return _environment(
        AGORA_MODE="paper",
        **{**SECRETS, "DATABASE_URL": f"postgres://{settings.DATABASES['default']['USER']}@{host}/{_database()}"},
        FIREBLOCKS_PRIVATE_KEY_FILE="/run/secrets/fireblocks.pem",
        SIGNER_SOCKET="/run/agora-signer/socket",
        JWT_KEYS_FILE=str(jwt),
        KYC_PROVIDER="manual",
        PUBLIC_URL="https://agora.example",
        ALLOWED_HOSTS="agora.example",
        CSRF_TRUSTED_ORIGINS="https://agora.example",
        STATIC_ROOT=str(directory / "static"),
        AGORA_HOME=str(directory),
    )


def _database() -> str:
    return str(connection.settings_dict["NAME"])


@pytest.mark.django_db
def test_djangos_own_checks_of_a_deployment_are_content(tmp_path: Path) -> None:
    """All but the one that asks the chain's node (`--tag chain`, minting's tests)."""
    listed = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--list-tags"],
        env=_paper(tmp_path), cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    tags = [word for tag in listed.stdout.split() if tag != "chain" for word in ("--tag", tag)]

    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING", *tags],
        env=_paper(tmp_path), cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip

    assert "security" in tags
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("postgres://agora_app:x@db.example/agora", False),
        ("postgres://agora_app:x@db.example/agora?sslmode=require", False),  # encrypted, to whoever answers
        ("postgres://agora_app:x@db.example/agora?sslmode=verify-full&sslrootcert=/etc/agora/ca.pem", True),
        ("postgres://agora_app:x@%2Fvar%2Frun%2Fpostgresql/agora", True),
    ],
)
@pytest.mark.django_db
def test_a_database_over_a_network_needs_a_checked_certificate(tmp_path: Path, url: str, clean: bool) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--tag", "security"],
        env={**_paper(tmp_path), "DATABASE_URL": url}, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip

    assert ("agora.E060" not in done.stderr, done.returncode) == (clean, 0 if clean else 1), done.stderr


@pytest.fixture
def port(transactional_db: None, tmp_path: Path) -> Iterator[int]:
    """A real gunicorn with deploy/'s configuration in front of a paper installation."""
    port, env = free_port(), _paper(tmp_path)
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--no-input", "-v", "0"], env=env, cwd=ROOT, check=True
    )
    argv = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "--chdir", str(ROOT)]
    argv += ["--bind", f"127.0.0.1:{port}"]
    web = Service("web", ["/usr/bin/env", "-C", str(ROOT), *argv], env=env, ready=port_ready(port), ready_within=120)
    call_command("register_rules", verbosity=0)
    with Supervisor([web], logs=tmp_path / "logs", echo=False):
        yield port


def _get(port: int, path: str, **headers: str) -> http.client.HTTPResponse:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as link:
        link.request("GET", path, headers={"Host": "agora.example", **headers})
        answer = link.getresponse()
        answer.read()
        return answer


def test_answers_behind_tls_carry_csp_hsts_and_locked_cookies(port: int) -> None:
    by_tls = {"X-Forwarded-Proto": "https"}
    plain = _get(port, "/sign-in/")
    page = _get(port, "/sign-in/", **by_tls)
    stranger = _get(port, "/sign-in/", Host="elsewhere.example", **by_tls)

    assert (plain.status, plain.headers["Location"]) == (301, "https://agora.example/sign-in/")
    assert page.status == 200
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "same-origin"
    cookies = page.headers.get_all("Set-Cookie") or []
    assert any(cookie.startswith("__Host-csrftoken=") for cookie in cookies)
    for cookie in cookies:
        assert "Secure" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/" in cookie
    assert stranger.status == 400


# --- Keys and connections --------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_session_outlives_a_rotation_of_the_secret_key_by_the_fallback(client: Client) -> None:
    client.force_login(User.objects.create_user("alice"))
    old = settings.SECRET_KEY

    def is_in() -> bool:
        return get_user(client).is_authenticated

    with override_settings(SECRET_KEY="another" * 10, SECRET_KEY_FALLBACKS=[old]):
        assert is_in()
    with override_settings(SECRET_KEY="a-third" * 10, SECRET_KEY_FALLBACKS=[]):
        assert not is_in()


def test_both_ends_of_a_connection_give_a_silent_peer_up_and_the_url_may_say_otherwise() -> None:
    tell = "import json, agora.settings as s; print(json.dumps(s.DATABASES['default']['OPTIONS']))"

    def options(url: str, **env: str) -> dict[str, object]:
        command = [sys.executable, "-c", tell]
        env = _environment(DATABASE_URL=url, **env)
        done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=True)
        told: dict[str, object] = json.loads(done.stdout)
        return told

    usual = options("postgres://a:b@db/agora", DATABASE_SILENCE="9")
    assert (usual["keepalives_idle"], usual["keepalives_interval"], usual["keepalives_count"]) == (3, 3, 2)
    assert usual["tcp_user_timeout"] == 9000
    assert "-c tcp_user_timeout=9000" in str(usual["options"])
    assert "-c idle_in_transaction_session_timeout=60000" in str(usual["options"])
    assert options("postgres://a:b@db/agora?tcp_user_timeout=1")["tcp_user_timeout"] in (1, "1")
