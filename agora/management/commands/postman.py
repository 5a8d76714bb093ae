"""`manage.py postman`: the API as a Postman collection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from drf_spectacular.generators import SchemaGenerator

from agora.lib.api.postman import collection


class Command(BaseCommand):
    help = "Write the API as a Postman collection, made from the same views as docs/openapi.yaml."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--file", type=Path, help="where to; default: the terminal")

    def handle(self, *args: Any, **options: Any) -> None:
        document = SchemaGenerator().get_schema(request=None, public=True)
        text = json.dumps(collection(document), indent=1, ensure_ascii=False) + "\n"
        if options["file"]:
            options["file"].write_text(text, encoding="utf-8")
        else:
            self.stdout.write(text)
