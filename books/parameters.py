"""What may stand in a query string? Strictly what a view's table says: all else is 400 and names the parameter."""

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

# For OpenAPI, in the part of regular expressions that Python and ECMA 262 share: text with a sign that is neither a
# blank nor punctuation. What else Unicode calls punctuation cannot be said there, and is refused all the same.
WITH_A_WORD = (
    r"[^\u0000]*[^\u0000-/:-@\[-`{-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u2000-\u206f]"
    r"[^\u0000]*"
)
ONE_ID = r"\s*[0-9]{1,18}\s*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a list: how its text is read, and what its value does to the queryset.

    `read` takes the text and the request and raises ValueError with a sentence for the client. `schema` is the
    OpenAPI schema of the text. A text of blanks alone counts as absent.
    """

    description: str
    read: Read
    narrow: Callable[[Any, Any], Any]
    schema: Mapping[str, Any] = field(default_factory=lambda: text_schema())

    @property
    def longest(self) -> int:
        """How many characters the text may have, blanks around it included."""
        longest: int = self.schema.get("maxLength", MAX_LENGTH)
        return longest

    def as_openapi(self, name: str) -> dict[str, Any]:
        """The OpenAPI parameter object."""
        described = {"description": self.description, "schema": dict(self.schema)}
        return {"name": name, "in": "query", "required": False, **described}


def text_schema(longest: int = MAX_LENGTH, pattern: str = "") -> dict[str, Any]:
    """The OpenAPI schema of a text of at most `longest` characters that matches `pattern` or is blank."""
    return {"type": "string", "maxLength": longest, **({"pattern": rf"^(\s*|{pattern})$"} if pattern else {})}


def by_commas(pattern: str) -> dict[str, Any]:
    """The OpenAPI schema of up to 100 values by commas, each of which matches `pattern`."""
    return text_schema(pattern=rf"{pattern}(,{pattern}){{0,{MAX_VALUES - 1}}}")


def bad_parameter(name: str, sentence: str, code: str = "invalid") -> BadParameter:
    """The error for one parameter, to be raised."""
    return BadParameter({name: [ErrorDetail(sentence, code=code)]})


class StrictFilters(BaseFilterBackend):
    """Narrows the list by `view.parameters`. Details are never narrowed."""

    def filter_queryset(self, request: Request, queryset: QuerySet[M, R], view: Any) -> QuerySet[M, R]:
        """The queryset the query string asks for. Raises BadParameter, with all that is wrong."""
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
        """For OpenAPI."""
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
    """Reads a whole number between `least` and `most`."""

    def read(text: str, request: Request) -> int:
        if not _WHOLE_NUMBER.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError(f"This must be a whole number from {least} to {most}.")
        return int(text)

    return read


def decimal_up_to(most: int) -> Read:
    """Reads a number from 0 to `most` with at most two decimals."""

    def read(text: str, request: Request) -> Decimal:
        if not _DECIMAL.fullmatch(text) or Decimal(text) > most:
            raise ValueError(f"This must be a number from 0 to {most} with at most two decimals.")
        return Decimal(text)

    return read


def identifier(text: str, request: Request) -> int:
    """Reads the id of a row."""
    if not _ID.fullmatch(text):
        raise ValueError("An id is a whole number.")
    return int(text)


def words(text: str, request: Request) -> str:
    """Reads text with at least one word in it."""
    if not normalise(text):
        raise ValueError("This must have at least one letter or digit.")
    return text


def standard(form: Callable[[str], str]) -> Read:
    """Reads what `form` brings into a standard form."""
    return lambda text, request: form(text)


def several(read_one: Read) -> Read:
    """Reads up to 100 values by commas."""

    def read(text: str, request: Request) -> list[Any]:
        texts = text.split(",")
        if len(texts) > MAX_VALUES:
            raise ValueError(f"At most {MAX_VALUES} values.")
        return [read_one(each.strip(), request) for each in texts]

    return read
