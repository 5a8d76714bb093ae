"""Applicants: names, e-mail addresses of their own and tax ids with right check digits, new ones each time."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from stdnum.py import ruc

COUNTRY_OF = {"pt-BR": "BR", "es": "PY", "en": "BR"}


@dataclass(frozen=True, kw_only=True)
class Applicant:
    full_name: str
    email: str
    country: str
    tax_id: str


def new_applicant(language: str = "en") -> Applicant:
    country = COUNTRY_OF[language]
    return Applicant(
        full_name="Ana Souza" if country == "BR" else "Rosa Benítez",
        email=f"ana-{secrets.token_hex(6)}@example.com",
        country=country,
        tax_id=new_cpf() if country == "BR" else new_ruc(),
    )


def new_cpf() -> str:
    digits = [secrets.randbelow(10) for _ in range(9)]
    for length in (9, 10):
        rest = sum((length + 1 - place) * digit for place, digit in enumerate(digits)) * 10 % 11
        digits.append(rest % 10)
    text = "".join(map(str, digits))
    return f"{text[:3]}.{text[3:6]}.{text[6:9]}-{text[9:]}"


def new_ruc() -> str:
    number = str(80_000_000 + secrets.randbelow(9_999_999))
    return f"{number}-{ruc.calc_check_digit(number)}"
