"""Outside the sandbox, nothing starts with the sandbox's keys, its provider or without its own address."""

from __future__ import annotations

from typing import Any

import pytest

from agora.checks import check_settings

GOOD = {
    "AGORA_MODE": "paper",
    "PII_KEYS": ["k1:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="],
    "PII_INDEX_KEY": "QkFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
    "KYC_PROVIDER": "manual",
    "PUBLIC_URL": "https://agora.example",
    "SIGNER_SOCKET": "/run/agora/signer.sock",
}


def ours(settings: Any, **changes: Any) -> set[str]:
    for name, value in {**GOOD, **changes}.items():
        setattr(settings, name, value)
    return {str(found.id) for found in check_settings() if str(found.id) >= "agora.E030"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"PII_KEYS": ["sandbox:c2FuZGJveC1vbmx5LWtleS1vZi0zMi1ieXRlcy4uLi4="]}, {"agora.E030"}),
        ({"PII_KEYS": [*GOOD["PII_KEYS"], "sandbox:c2FuZGJveC1vbmx5LWtleS1vZi0zMi1ieXRlcy4uLi4="]}, {"agora.E030"}),
        ({"PII_INDEX_KEY": "c2FuZGJveC1vbmx5LWluZGV4LWtleS0zMi1ieXRlcy4="}, {"agora.E030"}),
        ({"PII_KEYS": []}, {"agora.E030"}),
        ({"PII_KEYS": ["k1:c2hvcnQ="]}, {"agora.E030"}),
        ({"PII_KEYS": ["nonsense"]}, {"agora.E030"}),
        ({"PII_INDEX_KEY": ""}, {"agora.E030"}),
        ({"PII_INDEX_KEY": "%%%"}, {"agora.E030"}),
        ({"KYC_PROVIDER": "auto"}, {"agora.E031"}),
        ({"KYC_PROVIDER": "nobody"}, {"agora.E031"}),
        ({"KYC_PROVIDER": "sumsub"}, {"agora.E031"}),
        ({"PUBLIC_URL": ""}, {"agora.E032"}),
        ({"PUBLIC_URL": "http://agora.example"}, {"agora.E032"}),
    ],
)
def test_settings_that_would_be_unsafe_are_refused(settings: Any, changes: dict[str, Any], expected: set[str]) -> None:
    assert ours(settings, **changes) == expected
