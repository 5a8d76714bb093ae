"""One row's odd fact stops that row: the guard around every loop over rows.

A row that raises is handed to `hold` with the error's class and place, and the others go on. Only errors that can be
about one row are taken; the database's and the vendors' trouble concerns all rows, and goes up to the loop, which
waits. A programming error that meets every row of a turn is ours and no row's: it goes up, loudly, when all are held.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Hashable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TypeVar

from django.core.exceptions import ObjectDoesNotExist, SuspiciousOperation, ValidationError
from django.db import DataError, IntegrityError, connection, transaction

from agora.lib import log
from agora.lib.errors import AgoraError, VendorError
from agora.lib.metrics import ROW_TROUBLES

logger = log.get(__name__)

Row = TypeVar("Row")

OWNER = "row-guard"  # of the holds placed for a row that a loop left alone
SEVERAL = 3  # of one or two rows nobody can say whether they are odd, or we are
OURS = (TypeError, AttributeError, NameError, LookupError, AssertionError, NotImplementedError)
# ArithmeticError has decimal's and OverflowError in it, ValueError what is said of text: UnicodeError, int("x").
OF_ONE_ROW = (
    *OURS,
    *(ValueError, ArithmeticError, AgoraError, DataError, IntegrityError),
    *(ObjectDoesNotExist, ValidationError, SuspiciousOperation),
)
REMEMBERED = 1000  # rows a class, at most: more of them change nothing about the alarm

_met: dict[tuple[str, str], set[Hashable]] = {}  # rows by loop and class, since this process began


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a row is left alone: without the error's own words, which may be an outsider's text."""

    kind: str  # the class of the error
    place: str  # file, line and function where it was raised

    @property
    def reason(self) -> str:
        """For the row's hold, which staff read."""
        return f"Left alone after an error of its own: {self}"[:500]

    def __str__(self) -> str:
        return f"{self.kind} at {self.place}"


def each(
    rows: Iterable[Row],
    do: Callable[[Row], object],
    *,
    name: str,
    hold: Callable[[Row, Trouble], object],
    each_asks: bool = False,
) -> int:
    """Run `do` for each row; for how many it went well. `hold` keeps a row that it did not go well for out of the way.

    Inside a transaction each row has a savepoint of its own, so that one refused by the database costs no other.
    `each_asks`: each row asks a vendor something of its own, so one's VendorError is raised when all had their turn.
    Raises what concerns all rows, and a programming error that every one of several rows met at the same place.
    """
    done, troubles = 0, set[Trouble]()
    failed, last, postponed = 0, None, None
    for row in rows:
        began = time.monotonic()
        try:
            with _savepoint():
                do(row)
        except OF_ONE_ROW as error:
            trouble = trouble_of(error)
            failed, last = failed + 1, error
            troubles.add(trouble)
            _tell(row, trouble, error, name=name, seconds=time.monotonic() - began)
            _hold(row, trouble, hold, name=name)
        except VendorError as error:
            if not each_asks:
                raise
            logger.warning("row postponed", loop=name, row=str(_key(row))[:100], detail=error.detail)
            postponed = postponed or error
        else:
            done += 1
    if last is not None and failed >= SEVERAL and not done and len(troubles) == 1 and isinstance(last, OURS):
        logger.critical("every row fails", loop=name, rows=failed, trouble=str(next(iter(troubles))))
        raise last
    if postponed is not None:
        raise postponed
    return done


def trouble_of(error: BaseException) -> Trouble:
    """Its class, and the innermost place of it that is told by file, line and function."""
    stack = traceback.extract_tb(error.__traceback__)
    place = f"{'/'.join(stack[-1].filename.split('/')[-3:])}:{stack[-1].lineno} {stack[-1].name}" if stack else "?"
    return Trouble(kind=type(error).__name__, place=place)


def forget() -> None:
    """For tests: no row was ever met."""
    _met.clear()


def _savepoint() -> transaction.Atomic | nullcontext[None]:
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


def _tell(row: object, trouble: Trouble, error: BaseException, *, name: str, seconds: float) -> None:
    """A second row of the same class is no accident of one row any more: an alarm."""
    met = _met.setdefault((name, trouble.kind), set())
    if len(met) < REMEMBERED:
        met.add(_key(row))
    ROW_TROUBLES.observe(seconds, loop=name, kind=trouble.kind)
    words = {"loop": name, "row": str(_key(row))[:100], "trouble": str(trouble)}
    if len(met) > 1:
        logger.error("rows fail alike", rows=len(met), exc_info=error, **words)
    else:
        logger.warning("row left alone", exc_info=error, **words)


def _hold(row: Row, trouble: Trouble, hold: Callable[[Row, Trouble], object], *, name: str) -> None:
    """That a row cannot even be held costs no other row either."""
    try:
        with _savepoint():
            hold(row, trouble)
    except OF_ONE_ROW as error:
        logger.error("row not held", loop=name, row=str(_key(row))[:100], exc_info=error)


def _key(row: object) -> Hashable:
    if isinstance(row, str | int):
        return row
    names = ("pk", "symbol", "name", "__qualname__")
    return next((key for name in names if (key := getattr(row, name, None)) is not None), repr(row)[:200])
