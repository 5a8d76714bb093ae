"""What pages say is said in each language."""

from __future__ import annotations

import re
from typing import Any

import pytest
from babel.messages.pofile import read_po
from django.conf import settings
from django.template import engines
from django.utils.translation import to_locale

OTHERS = [code for code, _ in settings.LANGUAGES if code != "en"]


def catalogue(language: str) -> Any:
    path = settings.LOCALE_PATHS[0] / to_locale(language) / "LC_MESSAGES" / "django.po"
    with path.open("rb") as file:
        return read_po(file)


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_untranslated(language: str) -> None:
    open_ends = [message.id for message in catalogue(language) if message.id and (not message.string or message.fuzzy)]

    assert open_ends == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_keeps_the_placeholders(language: str) -> None:
    for message in catalogue(language):
        if message.id:
            assert _kept(message.id) == _kept(message.string), message.id


@pytest.mark.parametrize("language", OTHERS)
def test_each_sentence_of_a_template_is_in_the_catalogue(language: str) -> None:
    """`make messages` was not forgotten. (Strings of the code are found the same way, by gettext's own parser.)"""
    known = {message.id for message in catalogue(language)}
    folder = settings.BASE_DIR / "templates"
    assert engines["django"]
    for path in folder.rglob("*.html"):
        if "admin" in path.parts or "api" in path.parts:
            continue
        for quote, text in re.findall(r"{%\s*translate ([\"'])(.*?)\1\s*%}", path.read_text()):
            assert text in known, (path.name, quote, text)


def _kept(text: str | tuple[str, ...]) -> set[str]:
    forms = [text] if isinstance(text, str) else text  # a plural has two
    return {found for form in forms for found in re.findall(r"%\(\w+\)s|\{\w+\}|</?b>", form)}
