"""Request bodies without a float in sight."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any, NoReturn

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from agora.lib.nesting import check_depth

MAX_BYTES = 64 * 1024


class BodyTooLarge(APIException):
    status_code = 413
    default_code = "body_too_large"
    default_detail = f"Send at most {MAX_BYTES // 1024} KiB."


class ExactJSONParser(BaseParser):
    """JSON whose fractional numbers become Decimal: `{"quantity": 0.1}` is one tenth, exactly.

    NaN and a name that comes twice in one object are refused: whichever we took, somebody meant the other.
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise BodyTooLarge
        try:
            text = body.decode("utf-8")
            check_depth(text)
            return json.loads(text, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_object)
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise ParseError(f"The body is not JSON: {error.msg} at {where}.") from error
        except _Refused as error:
            raise ParseError(f"The body is not JSON we take: {error}.") from error
        except UnicodeDecodeError as error:
            raise ParseError("The body is not UTF-8.") from error
        except (ValueError, ArithmeticError) as error:  # numbers and nesting beyond all measure
            raise ParseError("The body is not JSON we take: a number or its nesting is too large.") from error


class _Refused(ValueError):
    """JSON by the letter, but not for us."""


def _refuse(constant: str) -> NoReturn:
    raise _Refused(f"{constant} is not a number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("a name comes twice in one object")
    return found
