from __future__ import annotations

from django import forms

from accounts.states import RejectKind
from agora.lib.admin import ReasonForm


class RejectForm(ReasonForm):
    kind = forms.ChoiceField(choices=RejectKind.choices, help_text="RETRY: the customer may correct it.")
    sentence = forms.CharField(
        max_length=500, strip=True, help_text="What the customer reads.", widget=forms.Textarea(attrs={"rows": 2})
    )


class TierForm(ReasonForm):
    level = forms.IntegerField(min_value=1, max_value=9, help_text="The tier to change to.")
