"""How deep JSON may be nested before anything parses it.

`json.loads` recurses, and a library of ours (py_ecc, by eth-account) raises Python's recursion limit so far that deep
enough nesting ends the process by a stack overflow instead of a RecursionError. So: count first.
"""

from __future__ import annotations

import re

MAX_DEPTH = 32
# A string, closed or not, or a bracket. Possessive: each character is looked at once.
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', re.DOTALL)
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}


class NestedTooDeeply(ValueError):
    """The text is nested deeper than MAX_DEPTH."""


def check_depth(text: str) -> None:
    """Raise NestedTooDeeply unless a JSON parser may be given this text. Linear in its length."""
    depth = 0
    for token in _TOKENS.finditer(text):
        depth += _STEP.get(token.group(), 0)
        if depth > MAX_DEPTH:
            raise NestedTooDeeply(f"it is nested more than {MAX_DEPTH} levels deep")
