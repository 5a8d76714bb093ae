"""`{% value cell %}` and `{% exactly at %}`: what the console's page of an order is made of."""

from __future__ import annotations

from datetime import UTC, datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agora.lib.dossiers import Cell

register = template.Library()


@register.simple_tag
def exactly(at: datetime) -> SafeString:
    """A time to the second, in UTC: staff compare it with logs and with vendors' pages."""
    utc = at.astimezone(UTC)
    return format_html('<time datetime="{}">{}</time>', utc.isoformat(), f"{utc:%Y-%m-%d %H:%M:%S}")


@register.simple_tag
def value(shown: object) -> SafeString:
    """A text, number, time or Cell; a dash for nothing."""
    if isinstance(shown, Cell):
        inner = value(shown.value)
        return format_html('<a href="{}">{}</a>', shown.url, inner) if shown.url else inner
    if shown is None or shown == "":
        return format_html('<span class="nothing">{}</span>', "—")
    if isinstance(shown, datetime):
        return exactly(shown)
    text = str(shown)
    return format_html('<code class="long">{}</code>', text) if _is_id(text) else format_html("{}", text)


def _is_id(text: str) -> bool:
    return len(text) > 24 and " " not in text
