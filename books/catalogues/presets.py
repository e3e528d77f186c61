"""Presets: how to read catalogues that are known by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from books.catalogues.people import authors_of


def whole_title(text: str) -> tuple[str, str]:
    """The whole text as the title, and no subtitle."""
    return text, ""


def title_and_series(text: str) -> tuple[str, str]:
    """The title, and the series that goodreads puts after it in parentheses as the subtitle.

    `The Hunger Games (The Hunger Games, #1)`; parentheses without a number belong to the title.
    """
    # Not by one regular expression: on a long cell of number signs it would backtrack for the square of its length.
    before, _, last = text.rstrip().rpartition("(")
    title, series = before.rstrip(), last[:-1]
    is_series = last.endswith(")") and "#" in series and ")" not in series
    return (title, series) if title and is_series else (text, "")


def first_line_and_rest(text: str) -> tuple[str, str]:
    """The first line as the title, and the others as the subtitle."""
    title, *rest = text.splitlines()
    return title, " ".join(rest)


@dataclass(frozen=True)
class Preset:
    """How to read a catalogue. `label` names it in the admin.

    `columns` names the columns of a field (books.book_fields) where their names differ from ours, in order of
    preference. `split_title` returns title and subtitle, `pick_authors` the authors among the people named. Where
    `kind_column` is set, only rows in which it holds `kind` are books.
    """

    label: str
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    separators: Mapping[str, str] = field(default_factory=dict)
    split_title: Callable[[str], tuple[str, str]] = whole_title
    pick_authors: Callable[[Sequence[str]], Sequence[str]] = list
    kind_column: str = ""
    kind: str = ""


OWN = Preset("us, or anybody whose columns are named like our fields")

PRESETS: Mapping[str, Preset] = {
    # https://github.com/zygmuntz/goodbooks-10k: isbn lost its zeros, isbn13 its last digits.
    "goodbooks": Preset(
        "goodbooks-10k",
        columns={
            "isbn": ("isbn", "isbn13"),
            "published_year": ("original_publication_year",),
            "language": ("language_code",),
            "rating": ("average_rating",),
        },
        separators={"authors": ","},
        split_title=title_and_series,
    ),
    # https://www.gutenberg.org/ebooks/offline_catalogs.html: Issued is when Project Gutenberg released the book, not
    # when it was first published.
    "gutenberg": Preset(
        "Project Gutenberg",
        split_title=first_line_and_rest,
        pick_authors=authors_of,
        kind_column="Type",
        kind="Text",
    ),
}
