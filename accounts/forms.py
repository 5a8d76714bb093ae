"""What customers and staff type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import tax_ids
from accounts.errors import TaxIdInvalid, TaxIdTaken
from accounts.models import Customer, Disclosure, User
from accounts.states import CaseOutcome, Country, DisclosureKind, RejectKind, Severity
from accounts.switches import symbols
from agora.lib.admin import ReasonForm
from agora.lib.api.scopes import SCOPES
from agora.lib.errors import AgoraError

HOME_OF = {"pt-br": Country.BR, "es": Country.PY}  # a guess that the form starts from


class OnboardingForm(forms.Form):
    """A customer's application. `profile()` is what `submit_profile` takes."""

    full_name = forms.CharField(
        label=_("Full name"),
        max_length=200,
        help_text=_("As on your document."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    country = forms.ChoiceField(
        label=_("Where you live"),
        choices=[(Country.BR, _("Brazil")), (Country.PY, _("Paraguay"))],
        widget=forms.RadioSelect,
    )
    tax_id = forms.CharField(
        max_length=20, widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric", "data-tax-id": ""})
    )

    def __init__(
        self, *args: Any, disclosures: Sequence[Disclosure], customer: Customer, language: str, **kwargs: Any
    ) -> None:
        kwargs["initial"] = {
            "full_name": customer.full_name,
            "email": customer.email,
            "country": customer.country or HOME_OF.get(language, Country.BR),
        }
        super().__init__(*args, **kwargs)
        self.disclosures = disclosures
        for row in disclosures:
            self.fields[f"accept_{row.pk}"] = forms.BooleanField(
                label=_LABELS[DisclosureKind(row.kind)], error_messages={"required": _("Read it and tick the box.")}
            )

    @property
    def consents(self) -> list[tuple[Disclosure, forms.BoundField]]:
        """Each text with its box."""
        return [(row, self[f"accept_{row.pk}"]) for row in self.disclosures]

    def clean(self) -> dict[str, Any]:
        typed = self.cleaned_data
        if typed.get("country") and typed.get("tax_id"):
            try:
                tax_ids.normalize(country=typed["country"], text=typed["tax_id"])
            except TaxIdInvalid as refusal:
                self.add_error("tax_id", refusal.detail)
        return typed

    def profile(self) -> dict[str, Any]:
        fields = ("full_name", "email", "country", "tax_id")
        accepted = [row.pk for row in self.disclosures if self.cleaned_data[f"accept_{row.pk}"]]
        return {**{name: self.cleaned_data[name] for name in fields}, "accepted": accepted}

    def refuse(self, refusal: AgoraError) -> None:
        """Show a refusal where it belongs."""
        field = "tax_id" if isinstance(refusal, TaxIdInvalid | TaxIdTaken) else None
        self.add_error(field, refusal.detail)


_LABELS = {
    DisclosureKind.RIGHTS: _("I have read what a token is, and what it is not."),
    DisclosureKind.PRIVACY: _("I have read how my data is used, and agree."),
}


class ApiKeyForm(forms.Form):
    """A key of a customer's: what for, what it may, for how long, from where."""

    name = forms.CharField(label=_("What for"), max_length=100)
    scopes = forms.MultipleChoiceField(
        label=_("What it may"),
        choices=[(scope, scope) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose one at least.")},
    )
    days = forms.ChoiceField(
        label=_("For how long"), choices=[("30", _("30 days")), ("90", _("90 days")), ("365", _("a year"))]
    )
    networks = forms.CharField(
        label=_("Only from these addresses"),
        required=False,
        max_length=500,
        help_text=_("For example 203.0.113.7 or 203.0.113.0/24, separated by spaces. Empty: from anywhere."),
    )


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


class TierForm(ReasonForm):
    level = forms.IntegerField(min_value=1, max_value=9, help_text="The tier to change to.")


class PauseForm(ReasonForm):
    what = forms.ChoiceField(help_text="It stops at once.")
    customer = forms.CharField(
        required=False, max_length=36, strip=True, help_text="For one customer: the whole id, from their page."
    )
    field_order = ("what", "customer", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups: list[Any] = [
            ("", "Choose"),
            ("everything", "Everything"),
            ("minting", "Minting of all assets"),
            ("buying", "Buying of all assets"),
            ("customer", "One customer"),
        ]
        for symbol in symbols():
            one = [("minting", "minting"), ("buying", "buying"), ("asset", "buying, custody and minting")]
            groups.append((symbol, [(f"{kind}:{symbol}", f"{symbol}: {words}") for kind, words in one]))
        field: Any = self.fields["what"]
        field.choices = groups

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if (cleaned.get("what") == "customer") != bool(cleaned.get("customer")):
            self.add_error("customer", 'Give a customer\'s id for "One customer", and for nothing else.')
        return cleaned


class AssignCaseForm(ReasonForm):
    assignee = forms.ModelChoiceField(User.objects.filter(is_staff=True, is_active=True))


class EscalateCaseForm(ReasonForm):
    to = forms.ModelChoiceField(User.objects.filter(is_staff=True, is_active=True))


class CloseCaseForm(ReasonForm):
    outcome = forms.ChoiceField(choices=CaseOutcome.choices)


class ChangeRuleForm(ReasonForm):
    """The next version, in full."""

    parameters = forms.JSONField()
    severity = forms.ChoiceField(choices=Severity.choices)
    is_active = forms.BooleanField(required=False, initial=True)
    places_hold = forms.BooleanField(required=False, help_text="On the customer, with each case.")
