"""Orderings of books and authors; the first of each table is the default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import CharField, DateTimeField, DecimalField, IntegerField, SmallIntegerField

from books.fast.ranking import read_ranked
from books.fast.reading import Position
from books.keyset import ID, Key, Ordering, both_ways
from books.ranking import TIER, ranked

_CREATED = Key("created_at", DateTimeField())
_YEAR, _RATING = SmallIntegerField(), DecimalField(max_digits=3, decimal_places=2)

BOOK_ORDERINGS: Mapping[str, Ordering] = {
    "-created_at": Ordering("-created_at", (_CREATED, ID), descending=True),
    "created_at": Ordering("created_at", (_CREATED, ID), descending=False),
    **both_ways("title", Key("title_key", CharField())),
    # Each direction has its own column, so that absent values come last in both.
    "published_year": Ordering("published_year", (Key("year_up", _YEAR), ID), descending=False),
    "-published_year": Ordering("-published_year", (Key("year_down", _YEAR), ID), descending=True),
    "rating": Ordering("rating", (Key("rating_up", _RATING), ID), descending=False),
    "-rating": Ordering("-rating", (Key("rating_down", _RATING), ID), descending=True),
}
AUTHOR_ORDERINGS: Mapping[str, Ordering] = both_ways("name", Key("name_key", CharField()))

# Where a filter excludes absent values, both directions can use the column that the filter reads: one index scan then
# has both bounds. By the other column, `min_rating=4&ordering=rating` would read every book with a lower rating first.
_WITHIN_YEARS = {
    "-published_year": Ordering("-published_year", (Key("year_up", _YEAR), ID), descending=True),
}
_WITHIN_RATINGS = {"rating": Ordering("rating", (Key("rating_down", _RATING), ID), descending=False)}
_WITHIN: Mapping[str, Mapping[str, Ordering]] = {
    "published_from": _WITHIN_YEARS,
    "published_to": _WITHIN_YEARS,
    "min_rating": _WITHIN_RATINGS,
}


@dataclass(frozen=True, slots=True)
class Relevance(Ordering):
    """Ordering of the candidates for a search text by relevance, then by age, newest first."""

    name: str = "relevance"
    keys: tuple[Key, ...] = (Key(TIER, IntegerField()), _CREATED, ID)
    descending: bool = True
    text: str = field(kw_only=True)

    def rows(
        self,
        queryset: Any,
        columns: Sequence[str],
        *,
        position: Position | None = None,
        backwards: bool = False,
        limit: int,
    ) -> list[Any]:
        """The first candidates (books.ranking) after `position`, or before it, as for any ordering."""
        if not settings.BOOKS_FAST_PATHS:
            candidates = ranked(queryset, self.text)
            return Ordering.rows(self, candidates, columns, position=position, backwards=backwards, limit=limit)
        return read_ranked(
            queryset,
            tuple(dict.fromkeys((*columns, "created_at", "id"))),
            self.text,
            position=position,
            descending=not backwards,
            limit=limit,
        )


def book_orderings(parameters: Mapping[str, str]) -> Mapping[str, Ordering]:
    """The orderings that a list of books with these query parameters offers, by name, the default first."""
    given = {name: text for name, value in parameters.items() if (text := value.strip())}
    orderings = dict(BOOK_ORDERINGS)
    for name in _WITHIN.keys() & given.keys():
        orderings |= _WITHIN[name]
    return {"relevance": Relevance(text=given["search"]), **orderings} if "search" in given else orderings
