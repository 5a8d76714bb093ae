"""What docs/api.md tells integrators to run, run as they would: over HTTP, against the whole platform."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests
from django.conf import settings
from eth_account import Account

from accounts.tests.people import sign
from agora.tests import e2e

pytestmark = pytest.mark.timeout(180)
API = "api/v1"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[e2e.Platform]:
    with e2e.running(tmp_path_factory.mktemp("examples")) as platform:
        yield platform


def _demo_key(platform: e2e.Platform) -> str:
    return str(json.loads((platform.layout.home / "demo.json").read_text())["api_token"])


def test_the_python_example_buys_and_shows_the_tokens(platform: e2e.Platform) -> None:
    before = platform.effects()

    done = subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "docs" / "examples" / "buy.py")],
        env={"AGORA_URL": platform.layout.web_url, "AGORA_KEY": _demo_key(platform), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=90,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{platform.wallet} holds 0.25 AAPL-RAT, by 0x" in done.stdout
    assert platform.effects() - before == e2e.one_of_each("0.25")


def test_the_quick_start_of_the_docs_runs_as_it_is_printed(platform: e2e.Platform) -> None:
    text = (settings.BASE_DIR / "docs" / "api.md").read_text()
    (script,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    script = script.replace("http://localhost:8000", platform.layout.web_url)

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={"KEY": _demo_key(platform), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=90,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert '"status":"MINT_CONFIRMED"' in done.stdout or '"status":"SETTLED"' in done.stdout


def test_a_new_wallet_signs_in_applies_and_is_refused_until_it_confirms(platform: e2e.Platform) -> None:
    """The whole of an integrator's onboarding, as far as a machine can go: the e-mail's link is the customer's."""
    wallet, url = Account.create(), f"{platform.layout.web_url}/{API}"
    asked = requests.post(f"{url}/auth/connect-wallet", json={"address": wallet.address, "chain_id": 31337}, timeout=10)
    body = {"challenge": asked.json()["challenge"], "signature": sign(wallet, asked.json()["text"])}
    tokens = requests.post(f"{url}/auth/connect-wallet/verify", json=body, timeout=10).json()
    auth = {"Authorization": f"Bearer {tokens['access_token']}"}
    texts = requests.get(f"{url}/disclosures", headers={"Accept-Language": "pt-BR"}, timeout=10).json()["results"]

    application = {
        "full_name": "Ana Souza",
        "email": "ana@example.com",
        "country": "BR",
        "tax_id": "529.982.247-25",
        "accepted_disclosures": [text["disclosure_id"] for text in texts],
    }
    sent = requests.post(f"{url}/users/onboard", json=application, headers=auth, timeout=10)
    order = {"asset": "AAPL", "quantity": "0.25", "recipient_wallet": wallet.address, "client_order_id": "1"}
    refused = requests.post(f"{url}/orders", json=order, headers=auth, timeout=10)

    assert {text["language"] for text in texts} == {"pt-br"}
    assert (sent.status_code, sent.json()["is_submitted"], sent.json()["is_email_confirmed"]) == (202, True, False)
    assert (refused.status_code, refused.json()["code"]) == (403, "kyc_not_approved")
