"""What did the service promise to keep, and did it keep it?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple


class Content(NamedTuple):
    """What a book says. Every content that is ever sent is unlike every other."""

    title: str
    authors: tuple[str, ...]
    description: str


@dataclass
class Entry:
    """One book, as its only writer knows it. None for a content: it is not there."""

    pk: int | None = None
    promised: Content | None = None
    """What the last acknowledged write says."""
    unsure: list[Content | None] = field(default_factory=list)
    """What was sent since without a yes or a no: it may be there, or not."""
    acknowledged: int = 0

    def kept(self, content: Content | None, pk: int | None = None) -> None:
        """The service said yes to a write."""
        self.pk = pk or self.pk
        self.promised = content
        self.acknowledged += 1

    def perhaps(self, content: Content | None) -> None:
        """The service said neither yes nor no. Its writer must leave this book alone from now on."""
        self.unsure.append(content)


class Ledger:
    """All entries of a run. Each belongs to one thread; adding one is atomic in CPython."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def new(self) -> Entry:
        """An entry for a book that is about to be added."""
        entry = Entry()
        self.entries.append(entry)
        return entry

    @property
    def acknowledged(self) -> int:
        """How many writes were."""
        return sum(entry.acknowledged for entry in self.entries)

    def losses(self, found: Mapping[int, Content]) -> list[str]:
        """A sentence for each book that is not as promised, given every book that is there, by its id."""
        return [*chain.from_iterable(self._of(entry, found) for entry in self.entries), *self._made_up(found)]

    def _of(self, entry: Entry, found: Mapping[int, Content]) -> Iterable[str]:
        if entry.pk is None:
            return
        there = found.get(entry.pk)
        if there not in (entry.promised, *entry.unsure):
            yield f"Book {entry.pk} was promised as {entry.promised}, and is {there}."

    def _made_up(self, found: Mapping[int, Content]) -> Iterable[str]:
        """Books of ours that nobody asked for in this form, or that one request made twice."""
        known = {entry.pk for entry in self.entries}
        asked = {content for entry in self.entries if entry.pk is None for content in entry.unsure}
        seen: set[Content] = set()
        for pk, content in found.items():
            if pk in known or not content.title.startswith(MARK):
                continue
            if content not in asked:
                yield f"Book {pk} is {content}, which nobody asked for."
            elif content in seen:
                yield f"Book {pk} is {content}, which is there already."
            seen.add(content)


MARK = "Under load"
"""How every title of a run begins, unlike those of the sample."""
