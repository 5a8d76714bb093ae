"""`{{ price|usd }}`, `{{ order.quantity|shares }}`, `{% when order.created_at %}`: agora.lib.formats, for templates."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agora.lib import formats

register = template.Library()


@register.filter
def usd(amount: Decimal | None) -> str:
    return "—" if amount is None else formats.money(amount, "USD")


@register.filter
def money(amount: Decimal, currency: str) -> str:
    return formats.money(amount, currency)


@register.filter
def shares(quantity: Decimal | None) -> str:
    return "—" if quantity is None else formats.shares(quantity)


@register.filter
def percent(ratio: Decimal | None) -> str:
    return "—" if ratio is None else formats.percent(ratio)


@register.simple_tag
def when(at: datetime | None, style: str = "day_and_time") -> SafeString:
    """A `<time>`: `day_and_time`, `time_of_day`, `day` or `ago`; exact, in UTC, on hovering."""
    if at is None:
        return format_html("<span>{}</span>", "—")
    utc = at.astimezone(UTC)
    text = formats.ago(at, now=timezone.now()) if style == "ago" else getattr(formats, style)(at)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>', utc.isoformat(), f"{utc:%Y-%m-%d %H:%M:%S}", text
    )


@register.filter
def short_address(address: str) -> str:
    """`0x7099…79C8`: to recognise an address, not to copy it."""
    return f"{address[:6]}…{address[-4:]}" if len(address) > 12 else address
