"""CPF (Brazil) and RUC (Paraguay): real check digits, and the masked form that people may see. Pure."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _
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
        named = {"label": label, "example": EXAMPLES[Country(country)]}
        raise TaxIdInvalid(_("A %(label)s looks like %(example)s. Check each digit.") % named)
    try:
        return str((cpf if country == Country.BR else ruc).validate(text))
    except ValidationError as problem:
        said = _("The check digits of this %(label)s do not match. Check each digit.") % {"label": label}
        raise TaxIdInvalid(said) from problem


def masked(*, country: str, digits: str) -> str:
    """`***.***.*47-2*`, `******61-*`: enough for its owner to recognise it."""
    if country == Country.BR:
        return f"***.***.*{digits[7:9]}-{digits[9]}*"
    return f"{'*' * (len(digits) - 3)}{digits[-3:-1]}-*"
