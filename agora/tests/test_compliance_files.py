"""The compliance files are dated, reviewable and complete: every alarm that our code can raise has its run-book."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from django.conf import settings

from accounts.states import DUE_HOURS
from agora.database_roles import OWNER as DATABASE_OWNER
from agora.management.commands.audit import all_invariants
from reserves.states import BreakKind

HOME = settings.BASE_DIR / "docs" / "compliance"
BOOKS = HOME / "incident-runbooks"
FILES = sorted(HOME.rglob("*.md"))
APPS = ("accounts", "orders", "custody", "minting", "reserves", "agora")
FRONT = re.compile(r"---\nversion: \d+\ndate: (\S+)\nowner: .+\nnext review: (\S+)\nstatus: (.+)\n---\n\n# ")


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(HOME)) for path in FILES])
def test_a_file_has_its_version_and_its_reviewers_checklist(path: Path) -> None:
    text = path.read_text()
    front = FRONT.match(text)
    assert front, "a front block of version, date, owner, next review, status; then the title"
    assert date.fromisoformat(front[1]) < date.fromisoformat(front[2])
    *_, last = re.split(r"^## ", text, flags=re.MULTILINE)
    assert last.startswith("Reviewer checklist\n")
    assert len(re.findall(r"^- \[ \] \S", last, flags=re.MULTILINE)) >= 3


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(HOME)) for path in FILES])
def test_a_files_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text()):
        if not target.startswith("https://"):
            assert (path.parent / target).exists(), target


def test_every_run_book_says_what_to_see_check_and_do() -> None:
    for path in BOOKS.glob("*.md"):
        if path.name != "README.md":
            parts = re.findall(r"^## (.+)$", path.read_text(), flags=re.MULTILINE)
            assert parts == ["You see", "Check", "Act", "Who", "After", "Reviewer checklist"], path.name


def test_every_run_book_is_on_the_map() -> None:
    linked = {book for _, books in _map() for book in books}

    assert linked | {"README.md"} == {path.name for path in BOOKS.glob("*.md")}


def test_every_alarm_has_a_run_book() -> None:
    patterns = [name for name, _ in _map()]
    alarms = {*(one.name for one in all_invariants()), *BreakKind.values, *_hold_owners(), *_loud_lines()}

    assert len(alarms) > 80
    assert {alarm for alarm in alarms if not any(fnmatchcase(alarm, pattern) for pattern in patterns)} == set()


def test_monitorings_page_has_the_clocks_of_the_code() -> None:
    text = (HOME / "monitoring.md").read_text()

    assert {name: f"| {name} | {hours} hours |" in text for name, hours in DUE_HOURS.items()} == dict.fromkeys(
        DUE_HOURS, True
    )


def test_retentions_page_has_the_years_of_the_code() -> None:
    assert f"`KYC_RETENTION_YEARS` ({settings.KYC_RETENTION_YEARS})" in (HOME / "retention.md").read_text()


def _map() -> Iterator[tuple[str, list[str]]]:
    """Each alarm's name, or pattern, with the run-books of its row."""
    for line in (BOOKS / "README.md").read_text().splitlines():
        if line.startswith("| ") and ".md)" in line:
            _, left, right, _ = line.split("|")
            books = re.findall(r"\(([a-z-]+\.md)\)", right)
            for name in re.findall(r"`([^`]+)`", left) or [left.strip()]:
                yield name, books


def _sources() -> Iterator[ast.Module]:
    for app in APPS:
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            if not {"tests", "sandbox", "migrations"} & set(path.parts):
                yield ast.parse(path.read_text())


def _loud_lines() -> set[str]:
    """The text of every `logger.error`, `exception` and `critical` of ours."""
    calls = (node for tree in _sources() for node in ast.walk(tree) if isinstance(node, ast.Call))
    found = {
        ast.literal_eval(call.args[0])
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in ("error", "exception", "critical")
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "logger"
    }
    assert "break" in found
    return found


def _hold_owners() -> set[str]:
    """Who places holds: the constants that our services pass as `owner`."""
    found = {
        node.value.value
        for tree in _sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        if isinstance(node.targets[0], ast.Name) and node.targets[0].id in ("OWNER", "RESERVE_HOLD")
    } - {DATABASE_OWNER}
    assert {"kyc", "reserve-gate"} <= found
    return found
