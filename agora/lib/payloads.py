"""What may stand in the queue: a task of ours by its name, and plain values. Nothing else runs in a worker.

django-q2 signs its rows with SECRET_KEY and pickles them, and calls whatever function a row names. The web process may
insert such rows and knows SECRET_KEY: taken over, it could run code in the worker, which has the vendors' keys. So a
row is read by an unpickler that makes no objects but times, and must name a function of agora/pipeline.py. What is
left to whoever forges one is to have a step looked at again.
"""

from __future__ import annotations

import functools
import io
import pickle
from typing import Any

from django.conf import settings
from django_q import signing
from django_q.signing import BadSignature

from agora.lib import log
from agora.pipeline import EVENTS, SCHEDULES

BEAT = "agora.lib.watchdog.beat"
KEYS = {"id", "name", "func", "args", "kwargs", "started", "group", "save", "cluster", "traceparent"}
TIMES = {("datetime", "datetime"), ("datetime", "timezone"), ("datetime", "timedelta")}
PLAIN = (str, int, bool, float, type(None))

logger = log.get(__name__)


class NotATask(BadSignature):
    """Signed, but no task of ours. django-q2 drops a row whose package raises this."""


def install() -> None:
    """From now on this process reads the queue's rows so."""
    signing.PickleSerializer.loads = staticmethod(read)


def read(data: bytes) -> dict[str, Any]:
    """The task of a row. Raises NotATask, with an alarm in the log: nobody but an intruder writes such rows."""
    try:
        task: Any = _Plain(io.BytesIO(data)).load()
        return _checked(task)
    except NotATask as refusal:
        logger.error("refused a row of the queue", problem=str(refusal))
        raise
    except Exception as problem:  # an unpickler may raise anything; whatever it is, the row is not ours
        logger.error("refused a row of the queue", problem=type(problem).__name__)
        raise NotATask("it cannot be read") from problem


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in TIMES:
            raise NotATask(f"it holds a {module}.{name}")
        return super().find_class(module, name)


def _checked(task: Any) -> dict[str, Any]:
    if not isinstance(task, dict):
        raise NotATask("it is no task")
    if unknown := {str(key) for key in task} - KEYS:
        raise NotATask(f"it says {', '.join(sorted(unknown))}")
    if task.get("func") not in _allowed():
        raise NotATask(f"it names {task.get('func')!r}")
    values = [*task.get("args", ()), *task.get("kwargs", {}).values()]
    if not all(isinstance(value, PLAIN) for value in values):
        raise NotATask("its arguments are not plain values")
    return task


@functools.cache
def _allowed() -> frozenset[str]:
    scheduled = {function for function, _ in SCHEDULES.values()}
    return frozenset({BEAT, *settings.QUEUE_TASKS, *scheduled, *(path for paths in EVENTS.values() for path in paths)})
