"""Layout of a CSV file: which columns hold which field, and the values of a book that a record stands for."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from books.book_fields import BOOK_FIELDS, FIELD_NAMES, MAX_NAME_LENGTH, MAX_NAMES, MAX_TITLE_LENGTH, Kind
from books.catalogues import values
from books.catalogues.export import plain_cell, split_names
from books.catalogues.isbns import proven_isbn
from books.catalogues.presets import OWN, Preset
from books.catalogues.records import Record
from books.catalogues.rows import RejectedError, Row

LISTS = tuple(field.name for field in BOOK_FIELDS if field.kind is Kind.NAMES)
SEPARATOR = ";"

_READERS: Mapping[Kind, Callable[[str], Any]] = {
    Kind.PROSE: values.prose,
    Kind.YEAR: values.year,
    Kind.LANGUAGE: values.language,
    Kind.PAGES: values.pages,
    Kind.RATING: values.rating,
}
# A bad value is left out of its row. ISBNs, lists, and what a book cannot be without have rules of their own.
_OPTIONAL = {
    field.name: partial(values.one_line, limit=field.max_length) if field.kind is Kind.TEXT else _READERS[field.kind]
    for field in BOOK_FIELDS
    if not field.required and field.kind not in (Kind.ISBN, Kind.NAMES)
}
_OPTIONAL_LISTS = tuple(field.name for field in BOOK_FIELDS if field.kind is Kind.NAMES and not field.required)
# No column takes a NUL; the decoder makes surrogates of undecodable bytes.
_CORRUPT = re.compile("[\0\ud800-\udfff]")


class UnreadableError(Exception):
    """The file cannot be read; the text says why, and what to do."""


class Layout:
    """The layout of one file.

    `header` is its first row. `columns` names the columns of fields, instead of the preset's and our own names;
    `separators` the texts between the values of a list. Names of columns are compared without case and surrounding
    blanks. Raises UnreadableError when a column of `columns` is missing, or there is none for titles or authors.
    """

    def __init__(
        self,
        header: Sequence[str],
        preset: Preset = OWN,
        columns: Mapping[str, Sequence[str]] | None = None,
        separators: Mapping[str, str] | None = None,
    ) -> None:
        self.header = list(header)
        self._preset = preset
        # In exported files cells are guarded and semicolons inside names escaped.
        self._is_own = preset is OWN
        self._separators = {**dict.fromkeys(LISTS, SEPARATOR), **preset.separators, **(separators or {})}
        # The first of two columns with one name counts.
        self._positions = {_plain(name): place for place, name in reversed(list(enumerate(header)))}
        self._fields = {name: self._places_of(name, columns or {}) for name in FIELD_NAMES}
        self._kind = self._positions.get(_plain(preset.kind_column)) if preset.kind_column else None
        missing = [name for name in ("title", "authors") if not self._fields[name]]
        if missing:
            raise UnreadableError(
                f"No column for {' and '.join(missing)}: name one with --map, or check --delimiter. {self._has()}"
            )

    @classmethod
    def of(cls, first: Record | None, *how: Any) -> "Layout":
        """The layout of a file with `first` as its header; `how` as in the constructor. Raises UnreadableError."""
        if first is None:
            raise UnreadableError("The file is empty; a first row with the names of the columns is needed.")
        if _CORRUPT.search("".join(first.cells)):
            raise UnreadableError(
                "The first row is no text in this encoding; --encoding names another, such as utf-16."
            )
        if first.fault:
            raise UnreadableError(f"The first row cannot be read. {first.fault}")
        return cls(first.cells, *how)

    @property
    def ignored(self) -> list[str]:
        """The columns that hold no field."""
        used = {place for places in self._fields.values() for place in places} | {self._kind}
        return [name for place, name in enumerate(self.header) if place not in used]

    def read(self, record: Record) -> Row:
        """The row of `record`: with the values of a book, or rejected."""
        row = Row(record.line, record.cells)
        try:
            if record.fault:
                raise RejectedError(record.fault)
            self._fill(row, self._squared(record))
        except RejectedError as error:
            row.reject(str(error))
        return row

    def _places_of(self, field: str, columns: Mapping[str, Sequence[str]]) -> list[int]:
        absent = [name for name in columns.get(field, ()) if _plain(name) not in self._positions]
        if absent:
            raise UnreadableError(f"There is no column {absent[0]!r} to map to {field}. {self._has()}")
        names = columns.get(field) or self._preset.columns.get(field) or (field,)
        return [self._positions[plain] for name in names if (plain := _plain(name)) in self._positions]

    def _has(self) -> str:
        return f"The file has: {', '.join(name.strip()[:40] for name in self.header[:30])}."

    def _squared(self, record: Record) -> list[str]:
        """The cells, one for each column. Spreadsheets add empty cells, which are dropped."""
        cells, width = record.cells, len(self.header)
        if len(cells) < width:
            end = "The file ends within this row" if record.cut else "The row ends early"
            raise RejectedError(f"{end}: it has {len(cells)} of {width} columns.")
        if any(cells[width:]):
            raise RejectedError(
                f"The row has {len(cells)} columns instead of {width}; is there a delimiter in an unquoted cell?"
            )
        return cells

    def _texts(self, field: str, cells: Sequence[str]) -> list[str]:
        """The texts in the columns of `field`, without blank ones."""
        texts = [text for place in self._fields[field] if (text := cells[place].strip())]
        if self._is_own:
            texts = [*map(plain_cell, texts)]
        for text in texts:
            if corrupt := _CORRUPT.search(text):
                what = "a NUL character" if corrupt[0] == "\0" else "bytes that are no text; is --encoding right?"
                raise RejectedError(f"{field}: {what}")
        return texts

    def _fill(self, row: Row, cells: Sequence[str]) -> None:
        if self._kind is not None and cells[self._kind].strip() != self._preset.kind:
            raise RejectedError(f"Not a book: {self._preset.kind_column} is {cells[self._kind].strip()[:40]!r}.")
        texts = {field: found for field in FIELD_NAMES if (found := self._texts(field, cells))}
        for field in ("title", "authors"):
            if field not in texts:
                raise RejectedError(f"{field}: empty")
        title, subtitle = self._preset.split_title(texts["title"][0])
        if subtitle:
            texts["subtitle"] = [subtitle]
        row.values["title"] = _needed("title", partial(values.one_line, title, MAX_TITLE_LENGTH))
        people = self._parts("authors", texts["authors"][0])
        names = self._preset.pick_authors(people)
        row.values["author_names"] = _needed("authors", partial(values.distinct_names, names))
        if "isbn" in texts:
            self._fill_isbn(row, texts["isbn"])
        for field in _OPTIONAL_LISTS:
            if field in texts:
                self._fill_list(row, field, texts[field][0])
        for field, meaning in _OPTIONAL.items():
            if field in texts:
                try:
                    row.values[field] = meaning(texts[field][0])
                except ValueError as error:
                    row.notes.append(f"{field} left out: {error}")

    def _parts(self, field: str, text: str) -> list[str]:
        """The texts between the separators of a list."""
        separator = self._separators[field]
        if self._is_own and separator == SEPARATOR:
            return [part for name in split_names(text) if (part := " ".join(name.split()))]
        return values.parts(text, separator)

    def _fill_isbn(self, row: Row, texts: Sequence[str]) -> None:
        try:
            row.values["isbn"], repaired = proven_isbn(texts)
        except ValueError as error:
            row.notes.append(f"isbn left out: {error}")
        else:
            if repaired:
                row.notes.append("isbn repaired: its check digit proves it")

    def _fill_list(self, row: Row, field: str, text: str) -> None:
        names, cut = values.cut_names(self._parts(field, text))
        if names:
            row.values[field] = names
        if cut:
            row.notes.append(f"{field} cut to {MAX_NAMES} of {MAX_NAME_LENGTH} characters")


def _plain(name: str) -> str:
    return name.strip().casefold()


def _needed(field: str, meaning: Callable[[], Any]) -> Any:
    try:
        value = meaning()
    except ValueError as error:
        raise RejectedError(f"{field}: {error}") from None
    return value
