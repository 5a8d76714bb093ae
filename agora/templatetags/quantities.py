"""`{{ order.quantity|plain }}`: a quantity as a person writes it."""

from decimal import Decimal

from django import template

from agora.lib import money

register = template.Library()


@register.filter
def plain(value: Decimal) -> str:
    return money.plain(value)
