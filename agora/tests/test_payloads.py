"""Rows of the queue that nobody of ours wrote, signed with the right key: none of them runs."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django_q.signing import SignedPackage

from agora.lib.payloads import NotATask, read
from agora.pipeline import EVENTS, SCHEDULES

TASK: dict[str, Any] = {
    "id": "8c1d", "name": "river-ten", "func": "orders.tasks.submit_order", "args": ("0198",), "kwargs": {},
    "started": datetime(2026, 11, 22, tzinfo=UTC), "group": "order.accepted",
}  # fmt: skip


class Touch:
    """A pickle that runs code when it is read, as whoever holds SECRET_KEY would queue it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize(
    "func", sorted({*(path for paths in EVENTS.values() for path in paths), *(f for f, _ in SCHEDULES.values())})
)
def test_every_task_of_the_pipeline_comes_through(func: str) -> None:
    task = {**TASK, "func": func}
    assert SignedPackage.loads(SignedPackage.dumps(task)) == task


def test_code_in_a_row_does_not_run(tmp_path: Path) -> None:
    made = tmp_path / "made"
    for task in (Touch(made), {**TASK, "args": (Touch(made),)}, {**TASK, "func": Touch(made)}):
        with pytest.raises(NotATask, match=r"it holds a pathlib"):
            SignedPackage.loads(SignedPackage.dumps(task))
    assert not made.exists()
    pickle.loads(pickle.dumps(Touch(made)))
    assert made.exists()


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ({**TASK, "func": "os.system", "args": ("true",)}, "it names 'os.system'"),
        ({**TASK, "func": "orders.services.submit_order"}, "it names"),
        ({key: value for key, value in TASK.items() if key != "func"}, "it names None"),
        ({**TASK, "hook": "os.system"}, "it says hook"),
        ({**TASK, "chain": [("os.system", ("true",))]}, "it says chain"),
        ({**TASK, "args": ([1, 2],)}, "not plain"),
        ({**TASK, "kwargs": {"now": datetime(2026, 1, 1, tzinfo=UTC)}}, "not plain"),
        ([TASK], "it is no task"),
    ],
)
def test_what_is_no_task_of_ours_is_refused(task: Any, why: str) -> None:
    with pytest.raises(NotATask, match=why):
        SignedPackage.loads(SignedPackage.dumps(task))


def test_rubbish_is_refused_like_a_forgery() -> None:
    for data in (b"", b"\x80", b"cos\nsystem\n(S'true'\ntR.", b"\x80\x05}q\x00(X\x04\x00\x00\x00"):
        with pytest.raises(NotATask):
            read(data)


def test_a_worker_is_given_no_other_tasks_by_its_settings() -> None:
    assert settings.QUEUE_TASKS == []
