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

from books.keyset import ID, Beyond, Key, Ordering, Position, both_ways

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
    ) -> list[dict[str, Any]]:
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
        rows = {row["id"]: row for row in queryset.filter(pk__in=[pk for *_, pk in wanted]).values(*columns)}
        # Whoever has been deleted since is left out.
        return [rows[pk] | {"tier": tier} for tier, _, pk in wanted if pk in rows]
