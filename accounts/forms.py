from __future__ import annotations

from django import forms

from accounts.states import RejectKind


class ReasonForm(forms.Form):
    """Why staff decide so: it is written into the customer's events."""

    reason = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 3}), strip=True)


class RefuseForm(ReasonForm):
    sentence = forms.CharField(
        max_length=500, strip=True, help_text="What the customer reads.", widget=forms.Textarea(attrs={"rows": 2})
    )


class DeletionForm(forms.Form):
    """Why a customer leaves, if they say so; cut to what we keep."""

    reason = forms.CharField(required=False, strip=True)

    def clean_reason(self) -> str:
        return str(self.cleaned_data["reason"])[:500]


class RejectForm(ReasonForm):
    kind = forms.ChoiceField(choices=RejectKind.choices, help_text="RETRY: the customer may correct it.")
    sentence = forms.CharField(
        max_length=500, strip=True, help_text="What the customer reads.", widget=forms.Textarea(attrs={"rows": 2})
    )
