"""Keyset orderings: the rows after or before a given row, by an index.

An ordering is a list of keys that ends with the primary key, all in one direction: no two rows are equal, and an index
on exactly those keys can be scanned from any row in both directions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import BigAutoField, BooleanField, Field, Func, QuerySet, Value
from django.db.models.expressions import Combinable, F

from books.fast.reading import Position, is_plain, read
from books.fast.version import VERSION


class Beyond(Func):
    """True where one row value lies beyond another (SQL:1999 row value comparison), which an index can answer.

    `(a, id) < (x, y)` costs the same however many rows share `a = x`; `a < x OR (a = x AND id < y)` does not.
    """

    output_field = BooleanField()

    def __init__(self, keys: Sequence[Combinable], values: Sequence[Value], *, descending: bool) -> None:
        super().__init__(RowValue(*keys), RowValue(*values), arg_joiner=" < " if descending else " > ")
        self.descending = descending

    template = "%(expressions)s"


class RowValue(Func):
    """`(a, b)`."""

    template = "(%(expressions)s)"
    # Never read, for rows are only compared; without it Django requires members of one type.
    output_field = BooleanField()


@dataclass(frozen=True, slots=True)
class Key:
    """A column to sort by, which is never null, and a field of its type."""

    name: str
    field: "Field[Any, Any]"


@dataclass(frozen=True, slots=True)
class Ordering:
    """Keys in one direction; the last one is the primary key."""

    name: str
    keys: tuple[Key, ...]
    descending: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the keys, which are attributes of the rows."""
        return tuple(key.name for key in self.keys)

    def rows(
        self,
        queryset: "QuerySet[Any]",
        columns: Sequence[str],
        *,
        position: Position | None = None,
        backwards: bool = False,
        limit: int,
    ) -> list[Any]:
        """The first `limit` rows of `queryset` after `position` in this order; `backwards`: before it, nearest first.

        They are named tuples of `columns` and the keys; VERSION is left out where the ORM reads them.
        """
        descending = self.descending is not backwards
        names = self.names
        if settings.BOOKS_FAST_PATHS and is_plain(queryset):
            wanted = tuple(dict.fromkeys((*columns, *names)))
            return read(queryset, wanted, names, position=position, descending=descending, limit=limit)
        if position is not None:
            values = [Value(value, output_field=key.field) for value, key in zip(position, self.keys, strict=True)]
            queryset = queryset.filter(Beyond([F(name) for name in names], values, descending=descending))
        arranged = queryset.order_by(*(f"-{name}" if descending else name for name in names))
        known = dict.fromkeys(name for name in (*columns, *names) if name != VERSION)
        return list(arranged.values_list(*known, named=True)[:limit])

    def write(self, row: Any) -> list[int | str]:
        """The keys of `row` as plain JSON values."""
        values = (getattr(row, name) for name in self.names)
        # str() keeps the microseconds of a time, which DjangoJSONEncoder cuts.
        return [value if isinstance(value, int | str) else str(value) for value in values]

    def read(self, written: Sequence[int | str]) -> Position:
        """The keys that `write` returned, as values of their columns."""
        return [key.field.to_python(value) for value, key in zip(written, self.keys, strict=True)]


def both_ways(name: str, *keys: Key) -> dict[str, Ordering]:
    """The orderings `name` and `-name` by the same keys."""
    return {
        name: Ordering(name, (*keys, ID), descending=False),
        f"-{name}": Ordering(f"-{name}", (*keys, ID), descending=True),
    }


ID = Key("id", BigAutoField())
