"""Table of the fields of a book that people write: name, column, kind and limits.

The serializer, the tracked fields of the history, CSV import and export, presets and the admin form are made from it;
`books.models.Book` declares the columns. A new field is a row here, a column there, and a migration.
"""

from dataclasses import dataclass
from enum import Enum, auto

from books.standards import MAX_LANGUAGE_LENGTH

FIRST_YEAR, LAST_YEAR = -5000, 9999
MAX_NAMES = 100
MAX_NAME_LENGTH = 300
MAX_TITLE_LENGTH = 500
MAX_DESCRIPTION_LENGTH = 20_000
MAX_PAGE_COUNT = 2**31 - 1  # what the column holds
MAX_RATING = 5
MAX_ISBN_LENGTH = 40  # with its hyphens and blanks


class Kind(Enum):
    """The type of a value: which JSON it is, how a cell of a CSV file is read."""

    TEXT = auto()
    """One line of text; absent is empty."""
    PROSE = auto()
    """Text with line breaks; absent is empty."""
    ISBN = auto()
    """An ISBN-13 or null."""
    LANGUAGE = auto()
    """A BCP 47 tag; absent is empty."""
    YEAR = auto()
    """A whole number or null; a cell may also hold a date."""
    PAGES = auto()
    """A number of pages or null."""
    RATING = auto()
    """A decimal number with at most two decimals, or null."""
    NAMES = auto()
    """A list of distinct texts, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookField:
    """One field.

    `name` is that in JSON and CSV, `column` the attribute of `Book`. `required`: a book cannot be without a value.
    `max_length` counts characters, of each text in a list (0 where the value is no text); `minimum` and `maximum` bound
    numbers. `help_text` is for OpenAPI.
    """

    name: str
    kind: Kind
    column: str
    required: bool = False
    max_length: int = 0
    minimum: int | None = None
    maximum: int | None = None
    help_text: str | None = None


def _field(name: str, kind: Kind, column: str = "", **limits: object) -> BookField:
    return BookField(name=name, kind=kind, column=column or name, **limits)  # type: ignore[arg-type]


BOOK_FIELDS = (
    _field(
        "isbn",
        Kind.ISBN,
        max_length=MAX_ISBN_LENGTH,
        help_text="ISBN-13 as 13 digits. ISBN-10 and hyphens are accepted; each ISBN occurs once.",
    ),
    _field("title", Kind.TEXT, required=True, max_length=MAX_TITLE_LENGTH),
    _field("subtitle", Kind.TEXT, max_length=MAX_TITLE_LENGTH),
    _field(
        "authors",
        Kind.NAMES,
        "author_names",
        required=True,
        max_length=MAX_NAME_LENGTH,
        help_text="Names in the order of the title page.",
    ),
    _field("publisher", Kind.TEXT, max_length=MAX_NAME_LENGTH),
    _field(
        "published_year",
        Kind.YEAR,
        minimum=FIRST_YEAR,
        maximum=LAST_YEAR,
        help_text="Negative for years before the common era.",
    ),
    _field(
        "language", Kind.LANGUAGE, max_length=MAX_LANGUAGE_LENGTH, help_text="A BCP 47 tag, such as `en` or `pt-BR`."
    ),
    _field("page_count", Kind.PAGES, minimum=1, maximum=MAX_PAGE_COUNT),
    _field("rating", Kind.RATING, minimum=0, maximum=MAX_RATING, help_text="0 to 5, at most two decimals."),
    _field("subjects", Kind.NAMES, max_length=MAX_NAME_LENGTH),
    _field("description", Kind.PROSE, max_length=MAX_DESCRIPTION_LENGTH),
)

FIELD_NAMES = tuple(field.name for field in BOOK_FIELDS)
"""In JSON, in CSV and in presets."""

TRACKED_FIELDS = tuple(field.column for field in BOOK_FIELDS)
"""The columns whose changes the history records. Lists of columns to read or to update begin with them."""
