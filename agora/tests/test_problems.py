"""The catalogue of problems: complete, in three languages, and what the API says."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest
from django.test import Client

import agora
import agora.lib.api
from agora.lib.api import catalogue
from agora.lib.api.catalogue.codes import CODES
from agora.lib.errors import AgoraError

LANGUAGES = ["en", "pt-br", "es"]


def _errors() -> dict[str, type[AgoraError]]:
    """Every AgoraError of the project, by code."""
    for app in ("accounts", "orders", "custody", "minting", "reserves"):
        for module in (f"{app}.errors", f"{app}.services"):
            try:
                importlib.import_module(module)
            except ModuleNotFoundError as missing:
                if missing.name != module:
                    raise
    for package in (agora.lib.api, agora.lib):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if not found.ispkg and "embedded" not in found.name:
                importlib.import_module(found.name)
    kinds, waiting = {}, [AgoraError]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            kinds[kind.code] = kind
    return kinds


@pytest.mark.parametrize("code", sorted(_errors()))
def test_every_error_is_in_the_catalogue_as_it_is(code: str) -> None:
    kind, entry = _errors()[code], catalogue.entry(code)

    assert entry is not None, f"add {code!r} to agora/lib/api/catalogue/"
    assert (entry.status, entry.title) == (kind.status, kind.title)
    assert not kind.retry_after or entry.is_retryable


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_is_told_in_every_language(language: str) -> None:
    assert set(catalogue.TEXTS[language]) == set(CODES)
    assert all(all(text.strip() for text in texts) for texts in catalogue.TEXTS[language].values())
    assert set(catalogue.LABELS[language]) == set(catalogue.LABELS["en"])


@pytest.mark.parametrize("language", ["pt-br", "es"])
def test_a_translation_is_not_the_english_left_over(language: str) -> None:
    same = [code for code in CODES if catalogue.TEXTS[language][code][0] == catalogue.TEXTS["en"][code][0]]
    assert same == []


@pytest.mark.parametrize(
    ("accepted", "language", "title"),
    [
        ("", "en", "A credential is needed"),
        ("de", "en", "A credential is needed"),
        ("pt-BR", "pt-BR", "Falta uma credencial"),
        ("pt", "pt-BR", "Falta uma credencial"),
        ("es-PY,es;q=0.9,en;q=0.8", "es", "Falta una credencial"),
        ("en;q=0.1, es;q=0.9", "es", "Falta una credencial"),
        ("fr, pt-PT;q=0.5", "pt-BR", "Falta uma credencial"),
        (";;;,,,=", "en", "A credential is needed"),
        ("x" * 10_000, "en", "A credential is needed"),
    ],
)
@pytest.mark.django_db
def test_a_title_is_in_the_caller_s_language(accepted: str, language: str, title: str) -> None:
    answer = Client().get("/api/v1/users/me", headers={"Accept-Language": accepted})

    assert (answer.status_code, answer.json()["title"]) == (401, title)
    assert answer.headers["Content-Language"] == language
    assert "Accept-Language" in answer.headers["Vary"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_list_and_each_problem_have_a_page(language: str, db: None) -> None:
    pages = Client(headers={"Accept-Language": language})
    listed = pages.get("/problems/")
    for entry in catalogue.entries(language):
        page = pages.get(f"/problems/{entry.code}")
        assert page.status_code == 200
        for text in (entry.title, entry.meaning, entry.action):
            assert _escaped(text) in page.content.decode()
        assert _escaped(entry.title) in listed.content.decode()
    assert listed.headers["Content-Language"] == catalogue.TAGS[language]


def test_a_reader_may_choose_another_language(db: None) -> None:
    page = Client(headers={"Accept-Language": "en"}).get("/problems/rate_limited?lang=es")

    assert "Demasiadas solicitudes" in page.content.decode()


def test_an_unknown_code_has_no_page(db: None) -> None:
    assert Client().get("/problems/nonsense").status_code == 404


def test_a_problem_s_type_leads_to_its_page(db: None) -> None:
    answer: Any = Client().get("/api/v1/nowhere").json()

    assert Client().get(answer["type"]).status_code == 200


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("my-request.1_2", True), ("short", False), ("x" * 65, False), ("with space", False), ("né-à-propos", False)],
)
def test_a_sane_request_id_is_echoed_and_another_replaced(db: None, sent: str, kept: bool) -> None:
    answer = Client().get("/api/v1/reserves", headers={"X-Request-Id": sent})

    assert (answer.headers["X-Request-Id"] == sent) is kept
    assert len(answer.headers["X-Request-Id"]) >= 8


def _escaped(text: str) -> str:
    from django.utils.html import escape

    return escape(text)
