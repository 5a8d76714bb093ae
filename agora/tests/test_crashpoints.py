"""The crash points: each declared once, standing once, armed by its name alone."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from agora.lib import crashpoints

ROOT = Path(__file__).resolve().parents[2]
APPS = ("accounts", "agora", "orders", "custody", "minting", "reserves")
DIES = (
    "import django, sys; django.setup(); from agora.lib import crashpoints; [crashpoints.here(n) for n in sys.argv[1:]]"
)


def test_each_point_that_is_declared_stands_at_one_place_and_each_that_stands_is_declared() -> None:
    sources = [path for app in APPS for path in (ROOT / app).rglob("*.py") if "tests" not in path.parts]
    calls = [node for path in sources for node in ast.walk(ast.parse(path.read_text())) if _is_point(node)]
    standing = Counter(ast.literal_eval(call.args[0]) for call in calls)

    assert standing == Counter(dict.fromkeys(crashpoints.POINTS, 1))


def _is_point(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "crashpoints.here"


@pytest.mark.parametrize(
    ("armed", "hits", "code"),
    [
        ("mint.after_sign", ["mint.before_sign", "mint.after_sign"], -9),
        ("mint.after_sign:3", ["mint.after_sign"] * 3, -9),
        ("mint.after_sign:3", ["mint.after_sign"] * 2, 0),
        ("", ["mint.after_sign"] * 2, 0),
    ],
)
def test_a_process_dies_by_sigkill_at_the_armed_hit_and_at_no_other(armed: str, hits: list[str], code: int) -> None:
    assert _run(armed, hits).returncode == code


def test_a_process_with_an_unknown_point_does_not_start_and_says_which_there_are() -> None:
    done = _run("mint.after_lunch", [])

    assert done.returncode == 1
    assert "AGORA_CRASH_AT names 'mint.after_lunch', which is no crash point" in done.stderr
    assert "mint.after_broadcast" in done.stderr


@pytest.mark.parametrize("armed", ["mint.after_sign:", "mint.after_sign:0", "mint.after_sign:x", "mint.after_sign:-1"])
def test_a_hit_that_is_no_number_from_1_is_refused(armed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crashpoints, "here", crashpoints.here)  # put back afterwards
    with pytest.raises(ImproperlyConfigured, match="give a number from 1"):
        crashpoints.arm(armed)


def _run(armed: str, hits: list[str]) -> Any:
    env = {"DJANGO_SETTINGS_MODULE": "agora.settings", "AGORA_CRASH_AT": armed}
    command = [sys.executable, "-c", DIES, *hits]
    return subprocess.run(command, env={**os.environ, **env}, cwd=ROOT, capture_output=True, text=True, timeout=60)
