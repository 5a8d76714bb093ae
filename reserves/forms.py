"""What staff type at the reserves' desks."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.selectors import staff_who_may
from agora.lib.admin import ReasonForm
from orders.selectors import asset_symbols


class AssignForm(ReasonForm):
    owner = forms.ChoiceField(help_text="Who looks after it.")
    field_order = ("owner", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["owner"]
        field.choices = [(name, name) for name in staff_who_may(permission="reserves.attend_break")]


class DraftForm(ReasonForm):
    asset = forms.ChoiceField(help_text="Of which asset.")
    field_order = ("asset", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["asset"]
        field.choices = [(symbol, symbol) for symbol in asset_symbols()]
