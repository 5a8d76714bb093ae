"""What staff type."""

from __future__ import annotations

from django import forms

from agora.lib.admin import ReasonForm
from minting.states import Stoppable


class StopForm(ReasonForm):
    what = forms.ChoiceField(choices=Stoppable.choices)
