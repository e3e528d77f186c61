"""What is peculiar to each catalogue we know by name?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from books.catalogues.people import authors_of

FIELDS = (
    "isbn",
    "title",
    "subtitle",
    "authors",
    "publisher",
    "published_year",
    "language",
    "page_count",
    "rating",
    "subjects",
    "description",
)


def whole_title(text: str) -> tuple[str, str]:
    """A title that is nothing else, and no subtitle."""
    return text, ""


def title_and_series(text: str) -> tuple[str, str]:
    """The title, and as subtitle the series that goodreads puts after it in parentheses.

    `The Hunger Games (The Hunger Games, #1)`; parentheses without a number belong to the title.
    """
    # Not by one regular expression: on a long cell of number signs it would backtrack for the square of its length.
    before, _, last = text.rstrip().rpartition("(")
    title, series = before.rstrip(), last[:-1]
    is_series = last.endswith(")") and "#" in series and ")" not in series
    return (title, series) if title and is_series else (text, "")


def first_line_and_rest(text: str) -> tuple[str, str]:
    """What stands before the first line break, and what follows it."""
    title, *rest = text.splitlines()
    return title, " ".join(rest)


@dataclass(frozen=True)
class Preset:
    """How to read a catalogue: `columns` names the columns of a field where they have other names than ours, in order
    of preference; `split_title` gives title and subtitle; `pick_authors` those of the people named who are authors.
    Where `kind_column` is set, rows in which it is not `kind` are no books."""

    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    separators: Mapping[str, str] = field(default_factory=dict)
    split_title: Callable[[str], tuple[str, str]] = whole_title
    pick_authors: Callable[[Sequence[str]], Sequence[str]] = list
    kind_column: str = ""
    kind: str = ""


OWN = Preset()

PRESETS: Mapping[str, Preset] = {
    # https://github.com/zygmuntz/goodbooks-10k: isbn lost its zeros, isbn13 its last digits.
    "goodbooks": Preset(
        columns={
            "isbn": ("isbn", "isbn13"),
            "published_year": ("original_publication_year",),
            "language": ("language_code",),
            "rating": ("average_rating",),
        },
        separators={"authors": ","},
        split_title=title_and_series,
    ),
    # https://www.gutenberg.org/ebooks/offline_catalogs.html: Issued is when Project Gutenberg released it; when the
    # book was published first it does not say.
    "gutenberg": Preset(
        split_title=first_line_and_rest,
        pick_authors=authors_of,
        kind_column="Type",
        kind="Text",
    ),
}
