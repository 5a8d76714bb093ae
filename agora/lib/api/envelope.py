"""What lists look like on the wire: `{"results": […]}`, with `next_cursor` where there are pages."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers


def listed(item: type[serializers.Serializer[Any]], *, name: str = "") -> Any:
    """All of them at once."""
    return inline_serializer(name or f"{_stem(item)}List", {"results": item(many=True)})


def paged(item: type[serializers.Serializer[Any]], *, name: str = "") -> Any:
    cursor = serializers.CharField(allow_null=True, help_text="For `?cursor=`; null on the last page.")
    return inline_serializer(name or f"{_stem(item)}Page", {"results": item(many=True), "next_cursor": cursor})


def _stem(item: type[serializers.Serializer[Any]]) -> str:
    return item.__name__.removesuffix("Serializer")
