"""CPF (Brazil) and RUC (Paraguay): real check digits, and the masked form that people may see. Pure."""

from __future__ import annotations

import re

from stdnum.br import cpf
from stdnum.exceptions import ValidationError
from stdnum.py import ruc

from accounts.errors import TaxIdInvalid
from accounts.states import Country

LABELS = {Country.BR: "CPF", Country.PY: "RUC"}
PATTERNS = {  # what a form shows and accepts; the check digits are checked here
    Country.BR: r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}",
    Country.PY: r"\d{4,8}-?\d",
}
EXAMPLES = {Country.BR: "000.000.000-00", Country.PY: "0000000-0"}


def normalize(*, country: str, text: str) -> str:
    """The digits alone. Raises TaxIdInvalid."""
    label = LABELS[Country(country)]
    # stdnum takes a CPF of one repeated digit, and a RUC of any length; neither is ever issued.
    if not re.fullmatch(PATTERNS[Country(country)], text.strip()) or len(set(re.sub(r"\D", "", text))) == 1:
        raise TaxIdInvalid(f"A {label} looks like {EXAMPLES[Country(country)]}. Check each digit.")
    try:
        return str((cpf if country == Country.BR else ruc).validate(text))
    except ValidationError as problem:
        raise TaxIdInvalid(f"The check digits of this {label} do not match. Check each digit.") from problem


def masked(*, country: str, digits: str) -> str:
    """`***.***.*47-2*`, `******61-*`: enough for its owner to recognise it."""
    if country == Country.BR:
        return f"***.***.*{digits[7:9]}-{digits[9]}*"
    return f"{'*' * (len(digits) - 3)}{digits[-3:-1]}-*"
