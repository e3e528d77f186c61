"""Strict query parameters: whatever the table of a view does not allow is 400 and names the parameter."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.exceptions import ErrorDetail
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from books.exceptions import BadParameter
from books.search import normalise

M = TypeVar("M", bound=Model)
R = TypeVar("R")
Read = Callable[[str, Request], Any]

MAX_VALUES = 100
MAX_LENGTH = 4000  # characters of any one value

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}")
_ID = re.compile(r"[0-9]{1,18}")
_DECIMAL = re.compile(r"[0-9](?:\.[0-9]{1,2})?")

# For OpenAPI, in the regular expressions that Python and ECMA 262 share: text with a character that is neither a blank
# nor punctuation. Other punctuation of Unicode cannot be written there and is refused all the same.
WITH_A_WORD = (
    r"[^\u0000]*[^\u0000-/:-@\[-`{-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u2000-\u206f]"
    r"[^\u0000]*"
)
ONE_ID = r"\s*[0-9]{1,18}\s*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a list.

    `read` turns the text into a value; it also takes the request, and raises ValueError with a sentence for the client.
    `narrow` filters a queryset by the value. `schema` is the OpenAPI schema of the text. Blank text counts as absent.
    """

    description: str
    read: Read
    narrow: Callable[[Any, Any], Any]
    schema: Mapping[str, Any] = field(default_factory=lambda: text_schema())

    @property
    def longest(self) -> int:
        """The maximum number of characters, surrounding blanks included."""
        longest: int = self.schema.get("maxLength", MAX_LENGTH)
        return longest

    def as_openapi(self, name: str) -> dict[str, Any]:
        """The OpenAPI parameter object."""
        described = {"description": self.description, "schema": dict(self.schema)}
        return {"name": name, "in": "query", "required": False, **described}


def text_schema(longest: int = MAX_LENGTH, pattern: str = "") -> dict[str, Any]:
    """The OpenAPI schema of text of at most `longest` characters that matches `pattern` or is blank."""
    return {"type": "string", "maxLength": longest, **({"pattern": rf"^(\s*|{pattern})$"} if pattern else {})}


def by_commas(pattern: str) -> dict[str, Any]:
    """The OpenAPI schema of up to MAX_VALUES values separated by commas, each matching `pattern`."""
    return text_schema(pattern=rf"{pattern}(,{pattern}){{0,{MAX_VALUES - 1}}}")


def bad_parameter(name: str, sentence: str, code: str = "invalid") -> BadParameter:
    """The error for one parameter; the caller raises it."""
    return BadParameter({name: [ErrorDetail(sentence, code=code)]})


class StrictFilters(BaseFilterBackend):
    """Filters lists by `view.parameters`; a single item is never filtered."""

    def filter_queryset(self, request: Request, queryset: QuerySet[M, R], view: Any) -> QuerySet[M, R]:
        """The filtered queryset. Raises BadParameter with all errors."""
        if view.action != "list":
            return queryset
        given = request.query_params
        errors: dict[str, list[ErrorDetail]] = {}
        for name, texts in given.lists():
            parameter = view.parameters.get(name)
            try:
                text = _only(texts, parameter.longest if parameter else MAX_LENGTH)
                if parameter:
                    if text:
                        queryset = parameter.narrow(queryset, parameter.read(text, request))
                elif name not in view.paginator.parameters:
                    raise ValueError("There is no parameter of this name.")
            except ValueError as error:
                errors[name] = [ErrorDetail(str(error), code="invalid")]
        if errors:
            raise BadParameter(errors)
        return queryset

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The OpenAPI parameter objects."""
        return [parameter.as_openapi(name) for name, parameter in view.parameters.items()]


def _only(texts: Sequence[str], longest: int) -> str:
    if len(texts) != 1:
        raise ValueError("This may be given once only.")
    if len(texts[0]) > longest:
        raise ValueError(f"This must have at most {longest} characters.")
    if "\0" in texts[0]:
        raise ValueError("NUL characters are not allowed.")
    return texts[0].strip()


def whole_number(least: int, most: int) -> Read:
    """Reader of a whole number from `least` to `most`."""

    def read(text: str, request: Request) -> int:
        if not _WHOLE_NUMBER.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError(f"This must be a whole number from {least} to {most}.")
        return int(text)

    return read


def decimal_up_to(most: int) -> Read:
    """Reader of a number from 0 to `most` with at most two decimals."""

    def read(text: str, request: Request) -> Decimal:
        if not _DECIMAL.fullmatch(text) or Decimal(text) > most:
            raise ValueError(f"This must be a number from 0 to {most} with at most two decimals.")
        return Decimal(text)

    return read


def identifier(text: str, request: Request) -> int:
    """Read the id of a row."""
    if not _ID.fullmatch(text):
        raise ValueError("An id is a whole number.")
    return int(text)


def words(text: str, request: Request) -> str:
    """Read text with at least one word in it."""
    if not normalise(text):
        raise ValueError("This must have at least one letter or digit.")
    return text


def standard(form: Callable[[str], str]) -> Read:
    """Reader of the standard form that `form` returns."""
    return lambda text, request: form(text)


def several(read_one: Read) -> Read:
    """Reader of up to MAX_VALUES values separated by commas."""

    def read(text: str, request: Request) -> list[Any]:
        texts = text.split(",")
        if len(texts) > MAX_VALUES:
            raise ValueError(f"At most {MAX_VALUES} values.")
        return [read_one(each.strip(), request) for each in texts]

    return read
