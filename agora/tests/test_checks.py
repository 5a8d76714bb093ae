"""Each system check speaks of what it is about, and of nothing else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

from agora.checks import APP_ORDER, EMITTED_BY, MODES
from agora.pipeline import EVENTS
from orders.models import Order

PAPER: dict[str, Any] = {  # as it should be
    "AGORA_MODE": "paper",
    "SECRET_KEY": "k" * 50,
    "DATABASE_URL": "postgres://agora@localhost/agora",
    "ALPACA_KEY_ID": "key",
    "ALPACA_SECRET_KEY": "secret",
    "FIREBLOCKS_API_KEY": "key",
    "FIREBLOCKS_PRIVATE_KEY_FILE": "/run/secrets/fireblocks.pem",
    "SIGNER_SOCKET": "/run/agora-signer/socket",
    "PII_KEYS": ["k1:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="],
    "PII_INDEX_KEY": "QkFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
    "JWT_KEYS_FILE": "/run/secrets/jwt.json",
    "KYC_PROVIDER": "manual",
    "PUBLIC_URL": "https://agora.example",
    "CRASH_AT": "",
    "DEBUG": False,
}
NO_KEYS = {"ATTESTOR_KEYS_FILE": "", "REPORT_ATTESTOR_KEY_FILE": ""}
QUEUE = settings.Q_CLUSTER


def _found(**changed: Any) -> list[str]:
    with override_settings(**changed):
        return [str(message.id) for message in run_checks() if str(message.id).startswith("agora.")]


def test_the_sandbox_as_it_stands_has_nothing_to_say() -> None:
    assert _found() == []


def test_a_complete_paper_installation_has_nothing_to_say() -> None:
    assert _found(**PAPER) == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"SECRET_KEY": "k" * 49}, "agora.E001"),
        ({"SECRET_KEY": "sandbox-" + "k" * 50}, "agora.E001"),
        ({"AGORA_MODE": "production", **NO_KEYS}, "agora.E002"),
        ({"AGORA_MODE": "", **NO_KEYS}, "agora.E002"),
        ({"JWT_KEYS_FILE": ""}, "agora.E040"),
        ({"RESERVE_VALIDITY": 59}, "agora.E021"),
        ({"ATTESTOR_THRESHOLD": 0}, "agora.E021"),
        ({"PRICE_FRESH": 61.0}, "agora.E040"),
        ({"PRICE_GUARD_BAND": Decimal("0.1")}, "agora.E040"),
        ({"PRICE_JUMP": Decimal(1)}, "agora.E040"),
        ({"DATABASE_URL": ""}, "agora.E003"),
        *[({name: ""}, "agora.E004") for name in PAPER if name.startswith(("ALPACA", "FIREBLOCKS"))],
        ({"SIGNER_SOCKET": ""}, "agora.E050"),
        ({"CHAIN_SETTLED_BLOCKS": 11}, "agora.E005"),
        ({"CRASH_AT": "submit_order.after_call"}, "agora.E006"),
        ({"DEBUG": True}, "agora.E007"),
        ({"PII_KEYS": []}, "agora.E030"),
        ({"KYC_PROVIDER": "auto"}, "agora.E031"),
        ({"PUBLIC_URL": ""}, "agora.E032"),
    ],
    ids=str,
)
def test_a_fault_in_the_settings_is_named(changed: dict[str, Any], code: str) -> None:
    assert _found(**{**PAPER, **changed}) == [code]


def test_attestors_keys_in_a_file_are_refused_in_production() -> None:
    assert "agora.E020" in _found(**{**PAPER, "AGORA_MODE": "production", "ATTESTOR_KEYS_FILE": "/run/keys"})
    assert "agora.E023" in _found(**{**PAPER, "AGORA_MODE": "production", "REPORT_ATTESTOR_KEY_FILE": "/run/key"})


def test_all_that_is_missing_is_named_at_once() -> None:
    with override_settings(**{**PAPER, "ALPACA_KEY_ID": "", "FIREBLOCKS_API_KEY": ""}):
        messages = [message.msg for message in run_checks() if message.id == "agora.E004"]

    assert messages == ["Not set: ALPACA_KEY_ID, FIREBLOCKS_API_KEY."]


def test_twelve_blocks_hold_in_the_sandbox_too() -> None:
    assert _found(CHAIN_SETTLED_BLOCKS=11) == ["agora.E005"]


def test_each_mode_is_one_that_exists() -> None:
    assert {code for mode in MODES for code in _found(**{**PAPER, "AGORA_MODE": mode})} == set()


def test_another_database_than_postgresql_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")

    assert _found() == ["agora.E008"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"orm": "other"}, "agora.E009"),
        ({"orm": None}, "agora.E009"),
        ({"retry": 60}, "agora.E013"),  # 30 s x (2 + 1 + 1) / 2 workers
        ({"timeout": 60}, "agora.E013"),
        ({"workers": 1}, "agora.E013"),
    ],
    ids=str,
)
def test_a_queue_that_is_no_outbox_is_named(changed: dict[str, Any], code: str) -> None:
    assert _found(Q_CLUSTER={**QUEUE, **changed}) == [code]


def test_a_queue_without_workers_is_named() -> None:
    assert _found(Q_CLUSTER={**QUEUE, "workers": 0}) == ["agora.E015"]


# --- The pipeline ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("event", "path", "code"),
    [
        ("dividend.paid", "orders.tasks.submit_order", "agora.E010"),
        ("", "orders.tasks.submit_order", "agora.E010"),
        ("custody.completed", "orders.tasks.submit_order", "agora.E011"),
        ("mint.settled", "custody.tasks.open_custody", "agora.E011"),
        ("order.accepted", "agora.pipeline.EVENTS", "agora.E011"),
        ("order.accepted", "orders.tasks.no_such_task", "agora.E012"),
        ("order.accepted", "orders.no_such_module.task", "agora.E012"),
        ("order.accepted", "orders", "agora.E012"),
    ],
)
def test_a_fault_in_the_pipeline_is_named(monkeypatch: pytest.MonkeyPatch, event: str, path: str, code: str) -> None:
    monkeypatch.setitem(EVENTS, event, [path])

    assert _found() == [code]


def test_every_event_flows_to_its_own_app_or_a_later_one() -> None:
    for event, paths in EVENTS.items():
        source = APP_ORDER.index(EMITTED_BY[event.partition(".")[0]])
        assert all(APP_ORDER.index(path.partition(".")[0]) >= source for path in paths), event


def test_whatever_a_status_emits_is_in_the_pipeline() -> None:
    emitted = {event for model in apps.get_models() for event in getattr(model, "EMITS", {}).values()}

    assert emitted <= set(EVENTS)


def test_a_state_machine_without_its_triggers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Order._meta, "triggers", [])

    assert _found() == ["agora.E014"]


@override_settings(**{**PAPER, "DEBUG": True})
def test_a_fault_stops_every_command_that_checks() -> None:
    with pytest.raises(SystemCheckError, match=r"agora\.E007"):
        call_command("check")
