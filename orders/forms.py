from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms

from agora.lib.money import SHARE_DECIMALS
from orders.selectors import tradable_assets


def new_client_order_id() -> str:
    return f"web-{uuid4()}"


class BuyForm(forms.Form):
    asset = forms.ChoiceField()
    quantity = forms.DecimalField(max_digits=18, decimal_places=SHARE_DECIMALS, help_text="In shares, 0.01 or more.")
    # Made with the page: pressing Buy twice, or again after a time-out, is one order.
    client_order_id = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"client_order_id": new_client_order_id()})
        super().__init__(*args, **kwargs)
        field = self.fields["asset"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(asset.symbol, f"{asset.symbol} — {asset.name}") for asset in tradable_assets()]
