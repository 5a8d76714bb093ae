"""What `manage.py check` says of reserve reports."""

from __future__ import annotations

from typing import Any

import pytest

from agora.checks import check_reserve_reports


def test_the_sandbox_passes() -> None:
    assert check_reserve_reports() == []


def test_attestor_keys_at_hand_are_refused_in_production(settings: Any) -> None:
    settings.AGORA_MODE = "production"

    assert [problem.id for problem in check_reserve_reports()] == ["agora.E020", "agora.E023"]
    settings.ATTESTOR_KEYS_FILE = settings.REPORT_ATTESTOR_KEY_FILE = ""
    assert check_reserve_reports() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RESERVE_VALIDITY", 7 * 86_400 + 1),
        ("RESERVE_VALIDITY", 59),
        ("ATTESTOR_THRESHOLD", 0),
        ("ATTESTOR_THRESHOLD", 17),
    ],
)
def test_what_the_oracle_would_refuse_is_refused_at_start(settings: Any, name: str, value: int) -> None:
    setattr(settings, name, value)

    assert [problem.id for problem in check_reserve_reports()] == ["agora.E021"]
