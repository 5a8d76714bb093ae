"""A passphrase from HashiCorp Vault's KV version 2, over its wire: a small server that answers as its API page says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from custody.signers.service import backends, vault
from custody.signers.service.backends import LocalKey, read_secret
from custody.signers.service.config import ConfigRefused, load
from custody.tests.signer_process import ADDRESS, PASSPHRASE, minter, write_config

TOKEN = "hvs.test"
SECRET = {"data": {"data": {"passphrase": PASSPHRASE, "empty": ""}, "metadata": {"version": 3}}}


class _Vault(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.headers.get("X-Vault-Token") != TOKEN:
            self._answer(403, {"errors": ["permission denied"]})
        elif self.path != "/v1/secret/data/agora/signer":
            self._answer(404, {"errors": []})
        else:
            self._answer(200, SECRET)

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Vault)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def options(url: str, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o600)
    return {"url": url, "mount": "secret", "path": "agora/signer", "field": "passphrase", "token_file": "token"}


def test_a_key_is_opened_by_a_passphrase_that_only_vault_has(options: dict[str, str], tmp_path: Path) -> None:
    key = minter(tmp_path)
    (tmp_path / key["options"].pop("passphrase_file")).unlink()
    text = write_config(tmp_path, {"minter": key}).read_text()
    table = "\n".join(f'{name} = "{value}"' for name, value in options.items())
    place = "[[keys.minter.scopes]]"
    (tmp_path / "signer.toml").write_text(text.replace(place, f"[keys.minter.local.vault]\n{table}\n{place}"))

    backend = backends.build(load(tmp_path / "signer.toml").keys["minter"])
    assert isinstance(backend, LocalKey)
    assert backend.address == ADDRESS


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"path": "agora/other"}, "404"),
        ({"field": "none"}, "no text 'none'"),
        ({"field": "empty"}, "no text 'empty'"),
        ({"url": "http://vault.example:8200"}, "https, or at a loopback"),
        ({"url": "http://127.0.0.1:1"}, "gave no secret"),
        ({"extra": "x"}, "exactly these"),
    ],
)
def test_without_the_secret_the_signer_does_not_start(
    options: dict[str, str], tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigRefused, match=said):
        vault.passphrase({**options, **changes}, folder=tmp_path, read_secret=read_secret)


def test_with_another_token_it_is_refused(options: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hvs.other")
    with pytest.raises(ConfigRefused, match="403"):
        vault.passphrase(options, folder=tmp_path, read_secret=read_secret)


def test_a_token_that_others_can_read_is_refused(options: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "token").chmod(0o644)
    with pytest.raises(ConfigRefused, match="read by others"):
        vault.passphrase(options, folder=tmp_path, read_secret=read_secret)
