"""By what can books and authors be sorted? The first of each table is the default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import (
    BooleanField,
    CharField,
    DateTimeField,
    DecimalField,
    F,
    IntegerField,
    SmallIntegerField,
    Value,
)

from books.bulk import IsOneOf
from books.keyset import ID, Beyond, Key, Ordering, both_ways
from books.models import tier_of
from books.reading import Position
from books.search import sort_key

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

# Where a filter leaves out absent values, either direction can walk the column that the filter reads: one index then
# knows where to begin and where to end. By the other one, `min_rating=4&ordering=rating` passes every worse book first.
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
    """The candidates for a text: best first, the newest first among equals."""

    name: str = "relevance"
    keys: tuple[Key, ...] = (Key("tier", IntegerField()), _CREATED, ID)
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
        """As for any ordering, but that the few candidates are ranked here: SQL would take three times as long."""
        if position is None:
            ranked = queryset.ranked(self.text, Value(False, BooleanField()))
        else:
            here, *age = position
            older = Beyond([F("created_at"), F("id")], [Value(age[0], DateTimeField()), Value(age[1])], descending=True)
            ranked = [
                (tier, is_older, pk)
                for tier, is_older, pk in queryset.ranked(self.text, older)
                if (tier < here or (tier == here and is_older)) is not backwards and (tier, pk) != (here, age[1])
            ]
        wanted = ranked[: -limit - 1 : -1] if backwards else ranked[:limit]
        if not wanted:
            return []
        page = queryset.model.objects.using(queryset.db).filter(IsOneOf("pk", [pk for *_, pk in wanted]))
        found = BOOK_ORDERINGS["-created_at"].rows(page, (*columns, "title_key"), limit=len(wanted))
        rows = {row.id: row for row in found}
        # Whoever has been deleted since is left out.
        return [rows[pk] for *_, pk in wanted if pk in rows]

    def place_of(self, row: Any) -> Position:
        """Where `row` stands: its tier is worked out anew."""
        return [tier_of(row.title_key, sort_key(self.text)), row.created_at, row.id]


def book_orderings(parameters: Mapping[str, str]) -> Mapping[str, Ordering]:
    """The orderings of a list of books with these parameters, by name, the default first."""
    given = {name: text for name, value in parameters.items() if (text := value.strip())}
    orderings = dict(BOOK_ORDERINGS)
    for name in _WITHIN.keys() & given.keys():
        orderings |= _WITHIN[name]
    return {"relevance": Relevance(text=given["search"]), **orderings} if "search" in given else orderings
