"""Alpaca's corporate actions: https://docs.alpaca.markets/reference/corporateactions-1

`{"corporate_actions": {"forward_splits": [{"id", "symbol", "new_rate", "old_rate", "process_date", "ex_date", …}], …},
"next_page_token": null}`: a list a kind, its symbols in fields named by their part in it (`symbol`, `old_symbol`,
`source_symbol`, `acquiree_symbol`). Kinds and fields appear without notice, so only what every kind has is read: whom
it is about, and from when. What cannot be read is given back all the same, with no date.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from agora.lib import storable
from orders.brokers.base import CorporateAction

# The first of them that is there; a kind without any says only when it is processed.
EFFECTIVE = ("ex_date", "effective_date", "process_date")


def parse_page(raw: Any) -> tuple[list[CorporateAction], str]:
    """A page's actions, and the token of the next page or "". ValueError where it is no such page."""
    kinds = raw.get("corporate_actions") if isinstance(raw, dict) else None
    if not isinstance(kinds, dict):
        raise ValueError(f"no corporate actions: {str(raw)[:200]}")
    token = raw.get("next_page_token")
    if token is not None and not isinstance(token, str):
        raise ValueError(f"next_page_token is {token!r}")
    return [action for kind, items in kinds.items() for action in _of_kind(str(kind), items)], token or ""


def _of_kind(kind: str, items: Any) -> Iterator[CorporateAction]:
    for item in items if isinstance(items, list) else [items]:
        fields = item if isinstance(item, dict) else {}
        yield CorporateAction(
            kind=storable.text(kind)[:60],
            symbols=frozenset(
                value.strip().upper()
                for name, value in fields.items()
                if name.endswith("symbol") and isinstance(value, str)
            ),
            effective_on=_effective_on(fields),
            told=json.dumps(item, sort_keys=True, default=str)[:2000],
        )


def _effective_on(fields: dict[str, Any]) -> date | None:
    for name in EFFECTIVE:
        if (value := fields.get(name)) is not None:
            try:
                return date.fromisoformat(value)
            except (TypeError, ValueError):
                return None
    return None
