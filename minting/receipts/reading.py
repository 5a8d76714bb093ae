"""Reading a receipt that anybody may have written."""

from __future__ import annotations

import json
import re
from typing import Any

from agora.lib.nesting import NestedTooDeeply, check_depth
from minting.receipts.shape import MAX_INT, PATTERNS, SHAPE, VERSION

MAX_BYTES = 1_000_000  # an order of 1,000 executions is a quarter of it

_PATTERNS = {name: re.compile(pattern) for name, pattern in PATTERNS.items()}


class Unreadable(Exception):
    """This is not a receipt of a version that we know. The words say where."""


def read_receipt(raw: bytes) -> dict[str, Any]:
    """The receipt in a file. Raises Unreadable for what is not one, whatever it is."""
    if len(raw) > MAX_BYTES:
        raise Unreadable(f"it is longer than {MAX_BYTES} bytes")
    try:
        text = raw.decode("utf-8")
        check_depth(text)
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except NestedTooDeeply:
        raise Unreadable("it is nested too deeply") from None
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8 text") from None
    except json.JSONDecodeError as problem:
        raise Unreadable(f"it is not JSON: line {problem.lineno}, column {problem.colno}") from None
    _check(value, SHAPE, "receipt")
    if value["version"] != VERSION:
        raise Unreadable(f"version {value['version']} is not known here")
    return value


def _check(value: Any, shape: Any, where: str) -> None:
    if isinstance(shape, dict):
        _check_object(value, shape, where)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise Unreadable(f"{where} is not a list")
        for index, item in enumerate(value):
            _check(item, shape[0], f"{where}[{index}]")
    elif not (value is None and shape.startswith("?")):
        _check_word(value, shape.removeprefix("?"), where)


def _check_object(value: Any, shape: dict[str, Any], where: str) -> None:
    if not isinstance(value, dict):
        raise Unreadable(f"{where} is not an object")
    if value.keys() != shape.keys():
        odd = min(value.keys() ^ shape.keys())
        raise Unreadable(f"{where} {'lacks' if odd in shape else 'has the unknown member'} {odd[:40]!r}")
    for name, inner in shape.items():
        _check(value[name], inner, f"{where}.{name}")


def _check_word(value: Any, word: str, where: str) -> None:
    if word == "int":
        fits = type(value) is int
    elif word == "bool":
        fits = type(value) is bool
    else:
        fits = type(value) is str and _PATTERNS[word].fullmatch(value) is not None
    if not fits:
        raise Unreadable(f"{where} is not what it should be ({word})")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unreadable("a member stands twice in an object")
    return members


def _integer(text: str) -> int:
    if text.startswith("-") or len(text) > len(str(MAX_INT)) or int(text) > MAX_INT:
        raise Unreadable("a number is out of range")
    return int(text)


def _refuse_number(text: str) -> Any:
    raise Unreadable("a number is not a whole one")
