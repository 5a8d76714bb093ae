"""The catalogue of problems: each code with its title, its meaning and what to do, in three languages."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation.trans_real import parse_accept_lang_header

from agora.lib.api.catalogue import en, es, pt_br
from agora.lib.api.catalogue.codes import CODES

TEXTS = {"en": en.TEXTS, "pt-br": pt_br.TEXTS, "es": es.TEXTS}
TAGS = {"en": "en", "pt-br": "pt-BR", "es": "es"}  # as Content-Language and lang="" have them
LABELS = {"en": en.LABELS, "pt-br": pt_br.LABELS, "es": es.LABELS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    code: str
    status: int
    is_retryable: bool
    title: str
    meaning: str
    action: str


def entry(code: str, language: str = "en") -> Entry | None:
    """None for a code that is in no catalogue."""
    if code not in CODES:
        return None
    status, is_retryable = CODES[code]
    title, meaning, action = TEXTS[language][code]
    return Entry(code=code, status=status, is_retryable=is_retryable, title=title, meaning=meaning, action=action)


def entries(language: str = "en") -> list[Entry]:
    return [found for code in CODES if (found := entry(code, language))]


def title_of(code: str, fallback: str, language: str) -> str:
    texts = TEXTS[language]
    return texts[code][0] if code in texts else fallback


def language_of(request: HttpRequest | None) -> str:
    """The best of ours by Accept-Language: any Portuguese is Brazil's. English when none fits."""
    header = request.headers.get("Accept-Language", "") if request else ""
    for tag, _weight in parse_accept_lang_header(header[:200]):
        found = {"pt": "pt-br", "es": "es", "en": "en"}.get(tag.partition("-")[0])
        if found:
            return found
    return "en"
