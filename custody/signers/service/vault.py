"""A passphrase kept in HashiCorp Vault (KV version 2), so that no disk of this machine holds both it and the keystore.

Vault itself cannot sign for us: its transit engine has no secp256k1 (docs/signer.md). So the key is opened here, once,
at the start: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from custody.signers.service.config import ConfigRefused

TIMEOUT = 5.0  # seconds
FIELDS = {"url", "mount", "path", "field", "token_file"}
LOOPBACK = ("127.0.0.1", "localhost", "::1")  # where `vault agent` listens


def passphrase(options: Mapping[str, Any], *, folder: Path, read_secret: Callable[[Path], str]) -> str:
    """Raises ConfigRefused."""
    if set(options) != FIELDS or not all(isinstance(value, str) and value for value in options.values()):
        raise ConfigRefused(f"the table vault has exactly these texts: {sorted(FIELDS)}")
    token = read_secret(folder / options["token_file"])
    secret = _read(options["url"], options["mount"], options["path"], token)
    value = secret.get(options["field"])
    if not isinstance(value, str) or not value:
        raise ConfigRefused(f"Vault's secret {options['path']} has no text {options['field']!r}")
    return value


def _read(url: str, mount: str, path: str, token: str) -> dict[str, Any]:
    place = urlsplit(url)
    if not place.hostname or (place.scheme != "https" and place.hostname not in LOOPBACK):
        raise ConfigRefused(f"{url}: Vault is asked over https, or at a loopback address")
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = kind(place.hostname, place.port, timeout=TIMEOUT)
    try:
        headers = {"X-Vault-Token": token, "X-Vault-Request": "true"}
        connection.request("GET", f"/v1/{quote(mount)}/data/{quote(path)}", headers=headers)
        answer = connection.getresponse()
        body = answer.read(64 * 1024)
        if answer.status != 200:
            raise ConfigRefused(f"Vault answered {answer.status} for {mount}/{path}")
        return dict(json.loads(body)["data"]["data"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as problem:
        raise ConfigRefused(f"Vault at {url} gave no secret: {problem}") from problem
    finally:
        connection.close()
