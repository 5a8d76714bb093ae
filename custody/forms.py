from django import forms


class RetryForm(forms.Form):
    """Why staff want a failed transfer tried again: it is written into the record's events."""

    reason = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 3}), strip=True)
