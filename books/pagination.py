"""Keyset pagination by signed cursors: every page costs the same, however far into the list it is."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

import orjson
from django.core.signing import BadSignature, Signer
from django.db.models import Model
from django.template import loader
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from books.keyset import Ordering
from books.parameters import bad_parameter, text_schema

M = TypeVar("M", bound=Model)

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 20, 100

# The number changes with the format of a cursor. No time stamp, so that a page has one URL.
_SIGNER = Signer(salt="books.cursor.2", sep=".")


class _Json:
    """Serializer of cursors; that of Django is three times as slow."""

    dumps, loads = staticmethod(orjson.dumps), staticmethod(orjson.loads)


class KeysetPagination(BasePagination):
    """Pages of the orderings that the view offers.

    A cursor holds the ordering, the direction and the keys of a row, so no row is repeated or lost when others are
    added or deleted between two pages.
    """

    display_page_controls = True
    parameters = ("ordering", "page_size", "cursor")

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None, columns: Sequence[str] = ("id",)
    ) -> list[Any]:
        """The rows of the page, with `columns` and the keys of the ordering. Raises BadParameter."""
        self._given = request.query_params.dict()
        given = {name: self._given.get(name, "").strip() for name in self.parameters}
        self.ordering = _ordering(given["ordering"], view.get_orderings())
        size = _page_size(given["page_size"])
        backwards, position = _read_cursor(given["cursor"], self.ordering)

        # One row more shows whether there is another page.
        found = self.ordering.rows(queryset, columns, position=position, backwards=backwards, limit=size + 1)
        more, rows = len(found) > size, found[:size]
        if backwards:
            rows.reverse()
        self.address = request.build_absolute_uri(request.path)
        self.next = self._link(rows[-1:], backwards=False) if more or backwards else None
        self.previous = self._link(rows[:1], backwards=True) if (more if backwards else position) else None
        return rows

    def _link(self, row: Sequence[Any], *, backwards: bool) -> str | None:
        """The URL of the page after or before a row, with all other parameters; None without a row."""
        if not row:
            return None
        content = [self.ordering.name, backwards, *self.ordering.write(row[0])]
        cursor = _SIGNER.sign_object(content, serializer=_Json)
        return f"{self.address}?{urlencode(sorted({**self._given, 'cursor': cursor}.items()))}"

    def to_html(self) -> str:
        """The links of the browsable API."""
        links = {"previous_url": self.previous, "next_url": self.next}
        return loader.render_to_string("rest_framework/pagination/previous_and_next.html", links)

    def get_paginated_response(self, data: Any) -> Response:
        """The response of a page."""
        return Response(self.page_of(data))

    def page_of(self, results: Sequence[Any]) -> dict[str, Any]:
        """The body of the page."""
        return {"next": self.next, "previous": self.previous, "results": results}

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The OpenAPI schema of a page."""
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The OpenAPI parameter objects."""
        size = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE}
        described = {
            "ordering": (view.ordering_help, {"type": "string", "enum": list(view.ordering_names)}),
            "page_size": ("Number of results on a page.", size),
            "cursor": ("Opaque cursor, taken from `next` or `previous`.", text_schema()),
        }
        return [
            {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
            for name, (description, schema) in described.items()
        ]


def _ordering(name: str, offered: Mapping[str, Ordering]) -> Ordering:
    if not name:
        return next(iter(offered.values()))
    if name not in offered:
        raise bad_parameter("ordering", f"This must be one of {', '.join(offered)}.", "invalid_choice")
    return offered[name]


def _page_size(text: str) -> int:
    if not text:
        return DEFAULT_PAGE_SIZE
    # At most three digits: int() would accept other scripts and underscores, and refuse very long ones.
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_PAGE_SIZE):
        raise bad_parameter("page_size", f"This must be a whole number from 1 to {MAX_PAGE_SIZE}.")
    return int(text)


def _read_cursor(cursor: str, ordering: Ordering) -> tuple[bool, Sequence[Any] | None]:
    """Whether a cursor runs backwards, and its position. Raises BadParameter."""
    if not cursor:
        return False, None
    try:
        name, backwards, *keys = _SIGNER.unsign_object(cursor, serializer=_Json)
    except (BadSignature, ValueError):
        raise bad_parameter("cursor", "This is not a cursor of this list.") from None
    if name != ordering.name:
        raise bad_parameter("cursor", "This cursor belongs to another ordering.")
    return cast("bool", backwards), ordering.read(keys)
