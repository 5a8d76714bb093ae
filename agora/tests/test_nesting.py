"""Bodies nested so deep that a parser would end the process."""

from __future__ import annotations

import sys

import pytest
from django.test import Client

from agora.lib.nesting import MAX_DEPTH, NestedTooDeeply, check_depth
from agora.tests.rows import new_asset, new_person

DEEP = "[" * 60_000


@pytest.mark.parametrize(
    "text", ["[" * MAX_DEPTH + "]" * MAX_DEPTH, '"' + "[" * 1000 + '"', r'"\"' + "[" * 99 + '"', "[]" * 99]
)
def test_what_is_shallow_passes(text: str) -> None:
    check_depth(text)


@pytest.mark.parametrize("text", [DEEP, '{"a":' * 33, '["\\""]' + "[" * 33, "[" * 33 + "]" * 33])
def test_what_is_deep_is_refused(text: str) -> None:
    with pytest.raises(NestedTooDeeply):
        check_depth(text)


@pytest.mark.django_db
def test_a_body_of_brackets_is_a_bad_request_and_not_the_end_of_the_process(settings) -> None:  # type: ignore[no-untyped-def]
    """As after importing py_ecc, which raises the limit for the whole process."""
    new_asset()
    token = new_person("alice").token
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        ordered = Client().post(
            "/api/v1/orders", DEEP, content_type="application/json", headers={"Authorization": f"Bearer {token}"}
        )
        asked = Client().post("/auth/wallet/challenge", DEEP[:19_000], content_type="application/json")
    finally:
        sys.setrecursionlimit(limit)

    assert ordered.status_code == 400
    assert asked.status_code == 422
