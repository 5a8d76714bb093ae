"""What a customer types to buy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from agora.lib import formats
from agora.lib.admin import ReasonForm
from agora.lib.money import SHARE_DECIMALS, plain
from orders.models import Asset
from orders.states import Resolution

NUMERIC = {"inputmode": "decimal", "autocomplete": "off"}


def new_client_order_id() -> str:
    return f"web-{uuid4()}"


class LocalDecimalField(forms.DecimalField):
    """A number with a decimal comma or point, whatever the language; refused where it could be meant either way."""

    widget = forms.TextInput(attrs=NUMERIC)
    default_error_messages = {"ambiguous": _("Is “%(text)s” a thousand or a fraction? Write it without separators.")}

    def to_python(self, value: Any) -> Any:
        text = re.sub(r"\s", "", value) if isinstance(value, str) else value
        if isinstance(text, str) and re.fullmatch(r"[^.,]*[.,][^.,]*", text):
            if re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", text) and formats.thousands_separator() in text:
                raise ValidationError(self.error_messages["ambiguous"], code="ambiguous", params={"text": text})
            text = text.replace(",", ".")
        if isinstance(text, str) and re.search("[eE]", text):  # 1e3 is a slip, not a thousand
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(text)


class BuyForm(forms.Form):
    """`quantity` in shares or `amount_usd` in dollars, as `by` says."""

    asset = forms.ChoiceField(label=_("Share"))
    by = forms.ChoiceField(
        label=_("How much"),
        choices=[("quantity", _("In shares")), ("amount", _("In dollars"))],
        widget=forms.RadioSelect,
        initial="quantity",
        required=False,
    )
    quantity = LocalDecimalField(label=_("Shares"), required=False, max_digits=18, decimal_places=SHARE_DECIMALS)
    amount_usd = LocalDecimalField(label=_("US dollars"), required=False, max_digits=12, decimal_places=2, min_value=0)
    recipient = forms.ChoiceField(label=_("Tokens go to"))
    # Made with the page: pressing Buy twice, or again after a time-out, is one order.
    client_order_id = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, assets: Sequence[Asset], wallets: Sequence[str], **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"client_order_id": new_client_order_id(), "by": "quantity"})
        super().__init__(*args, **kwargs)
        self._offer("asset", [(asset.symbol, f"{asset.symbol} — {asset.name}") for asset in assets])
        self._offer("recipient", [(address, address) for address in wallets])

    def clean(self) -> dict[str, Any]:
        typed = self.cleaned_data
        wanted = "amount_usd" if typed.get("by") == "amount" else "quantity"
        if typed.get(wanted) is None and wanted not in self.errors:
            self.add_error(wanted, self.fields[wanted].error_messages["required"])
        return typed

    def asked(self) -> dict[str, Decimal]:
        """What `estimate` takes: `quantity` or `notional_usd`."""
        typed = self.cleaned_data
        if typed["by"] == "amount":
            return {"notional_usd": typed["amount_usd"]}
        return {"quantity": typed["quantity"]}

    def confirmed(self, quantity: Decimal) -> dict[str, str]:
        """The hidden fields of the confirmation: from here on it is a quantity."""
        kept = {name: str(self.cleaned_data[name]) for name in ("asset", "recipient", "client_order_id")}
        return {**kept, "by": "quantity", "quantity": plain(quantity)}

    def again(self) -> dict[str, Any]:
        """The same, under an id that no order has."""
        return {**self.data.dict(), "client_order_id": new_client_order_id()}  # type: ignore[attr-defined]

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        field.initial = choices[0][0] if choices else None


class HoldForm(ReasonForm):
    hours = forms.IntegerField(
        min_value=1, max_value=720, required=False, help_text="It ends by itself then. Empty: when you release it."
    )


class SettlementForm(ReasonForm):
    price_usd = forms.DecimalField(
        min_value=Decimal("0.000000001"),
        max_digits=18,
        decimal_places=9,
        required=False,
        help_text="A share, from the broker's statement. Only where the broker bought more than our executions tell.",
    )


class ClosingForm(ReasonForm):
    resolution = forms.ChoiceField(choices=Resolution.choices, help_text="What the customer has got outside.")
    reference = forms.CharField(
        max_length=120, strip=True, help_text="Of the case at the custodian, the broker or the bank. No name."
    )


def closing_preview(row: Any) -> list[str]:
    """What closing the order of a failed transfer or mint means."""
    return [
        f"{row} failed: {row.reason or 'without a reason'}",
        "For an order that was settled outside: refunded, or delivered by another way. Check that first.",
        "Once somebody else approves within 24 hours, it is held for good and nothing is moved for it any more.",
        "Its status stays as it is. There is no way back.",
    ]
