"""The corpus as a whole: `make corpus` ends with 0, and would not if it were empty."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from agora.tests.corpus import TABLES, faults, line, table_of


@pytest.mark.parametrize("app", TABLES)
def test_no_answer_of_the_corpus_is_final_without_a_documented_refusal(app: str) -> None:
    """Each table asserts it of its own rows."""
    if find_spec(f"{app}.tests.corpus") is None:
        pytest.skip(f"{app} has no table yet; `make corpus` ends with 1")
    assert faults(app, table_of(app)(), least=1) == []


def test_an_empty_table_is_a_fault_and_so_is_an_answer_without_a_source() -> None:
    assert faults("orders", [], least=60) == ["orders: 0 answers, and at least 60 are wanted"]
    assert faults("orders", [("", "<html>", "Uncertain", "waits")], least=1) == ["orders: no source: <html>"]


def test_a_long_answer_is_cut_and_stays_on_its_line() -> None:
    assert "\n" not in line(("geth#1", "a\nb" * 99, "Uncertain", "is looked up"))
