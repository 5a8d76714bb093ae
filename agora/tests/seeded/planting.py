"""Putting a bug into the running code, and taking it out again: a function's code is compiled anew from edited source.

The function object stays the same, so that whoever has imported it meets the bug, too.
"""

from __future__ import annotations
import __future__

import ast
import contextlib
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from django.db import connection


@dataclass(frozen=True)
class Edit:
    """In `module:function` (or `module:Class.method`), `old` becomes `new`."""

    where: str
    old: str
    new: str


class BugGone(AssertionError):
    """The line that a bug changes is no longer there: write the bug anew."""


@contextlib.contextmanager
def planted(edits: tuple[Edit, ...], sql: tuple[str, str] = ("", "")) -> Iterator[None]:
    """With the edits, and the first statement of `sql`, for as long as the block lasts; then without."""
    before: list[tuple[FunctionType, CodeType]] = []
    try:
        before += _plant_all(edits)
        _run(sql[0])
        yield
    finally:
        for function, code in before:
            function.__code__ = code
        _run(sql[1])


def plant_for_good(edits: tuple[Edit, ...]) -> None:
    _plant_all(edits)


def _plant_all(edits: tuple[Edit, ...]) -> list[tuple[FunctionType, CodeType]]:
    """What was planted over. Nothing is when an edit's line is missing."""
    functions = {edit.where: _function(edit.where) for edit in edits}
    sources = {where: textwrap.dedent(inspect.getsource(function)) for where, function in functions.items()}
    for edit in edits:
        if sources[edit.where].count(edit.old) != 1:
            raise BugGone(f"{edit.where} has {sources[edit.where].count(edit.old)} times: {edit.old}")
        sources[edit.where] = sources[edit.where].replace(edit.old, edit.new)
    return [(function, _replace(function, sources[where], where)) for where, function in functions.items()]


def _replace(function: FunctionType, source: str, where: str) -> CodeType:
    tree = ast.parse(source)
    (definition,) = tree.body
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    namespace: dict[str, Any] = {}
    flags = __future__.annotations.compiler_flag
    exec(compile(tree, f"<bug in {where}>", "exec", flags=flags, dont_inherit=True), namespace)
    before = function.__code__
    function.__code__ = namespace[definition.name].__code__
    return before


def _function(where: str) -> FunctionType:
    module, _, path = where.partition(":")
    found: Any = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    found = inspect.unwrap(found)
    assert isinstance(found, FunctionType)
    return found


def _run(sql: str) -> None:
    if sql:
        with connection.cursor() as cursor:
            cursor.execute(sql)
