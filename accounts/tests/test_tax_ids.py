"""CPF and RUC: check digits, shapes, masks."""

from __future__ import annotations

import pytest

from accounts import tax_ids
from accounts.errors import TaxIdInvalid

VALID = [
    ("BR", "529.982.247-25", "52998224725", "***.***.*47-2*"),
    ("BR", "11144477735", "11144477735", "***.***.*77-3*"),
    ("BR", " 390.533.447-05 ", "39053344705", "***.***.*47-0*"),
    ("PY", "80028061-0", "800280610", "******61-*"),
    ("PY", "9991603", "9991603", "****60-*"),
    ("PY", "2660-3", "26603", "**60-*"),
]
INVALID = [
    ("BR", "529.982.247-26"),  # last digit
    ("BR", "529.982.274-25"),  # two digits swapped
    ("BR", "111.111.111-11"),  # its digits check; it is never issued
    ("BR", "00000000000"),
    ("BR", "5299822472"),
    ("BR", "529982247255"),
    ("BR", "529.982.247-2a"),
    ("BR", ""),
    ("BR", "80028061-0"),  # the other country's
    ("PY", "80028061-1"),
    ("PY", "0"),  # its digit checks
    ("PY", "00000-0"),
    ("PY", "2660"),
    ("PY", "8002806100"),
    ("PY", "٢٦٦٠-٣"),  # digits, but not ours
    ("PY", "529.982.247-25"),
]


@pytest.mark.parametrize(("country", "text", "digits", "mask"), VALID)
def test_a_valid_tax_id_is_its_digits_and_shows_three_of_them(country: str, text: str, digits: str, mask: str) -> None:
    assert tax_ids.normalize(country=country, text=text) == digits
    assert tax_ids.masked(country=country, digits=digits) == mask


@pytest.mark.parametrize(("country", "text"), INVALID)
def test_an_invalid_tax_id_is_refused_without_repeating_it(country: str, text: str) -> None:
    with pytest.raises(TaxIdInvalid) as refusal:
        tax_ids.normalize(country=country, text=text)
    assert text not in refusal.value.detail.split()
