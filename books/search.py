"""Full-text search: normalisation of text, and conditions for PostgreSQL and SQLite.

`normalise` does all linguistic work in Python, so that both databases index words between blanks and find the same:
PostgreSQL by a tsvector column made from those words without a parser, SQLite by an FTS5 table whose tokenizer splits
at ASCII separators only. Both are created by books/full_text.py.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, cast

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func
from django.db.models.expressions import Col
from django.db.models.sql.compiler import SQLCompiler

MAX_WORD = 100  # characters; a tsvector refuses words of more than 2,046 bytes
MAX_LINE = 200_000  # characters; a tsvector holds 1 MiB, and a character takes at most 4 bytes
MAX_MARK = 500  # characters of a subject that are compared
MARK = "\N{MIDDLE DOT}"
MAX_SORT_KEY = 200  # characters; a B-tree entry holds about 2,700 bytes

_ASCII_WORD = re.compile(r"[a-z0-9]+")
# Combining classes that make another letter in their script (nukta, kana voicing, virama); others are accents.
_KEPT_MARKS = frozenset({0, 7, 8, 9})


# The same names and titles come several times in a row: as sort keys, as words, in a query and in its results.
@lru_cache(maxsize=4096)
def normalise(text: str) -> str:
    """The words of `text` between single blanks, without case, accents and punctuation.

    Each Han character and kana is a word, since their scripts have no blanks between words. Words are cut at MAX_WORD
    characters. The function is idempotent.
    """
    if text.isascii():
        return " ".join([word[:MAX_WORD] for word in _ASCII_WORD.findall(text.lower())])
    # Case folding can undo a decomposition, hence the second one (Unicode Standard, D145).
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join([sign for sign in folded if unicodedata.combining(sign) in _KEPT_MARKS])
    spread = "".join([_as_part_of_word(sign) for sign in unicodedata.normalize("NFC", bare)])
    return " ".join([word[:MAX_WORD] for word in spread.split()])


def _as_part_of_word(sign: str) -> str:
    if "\u3041" <= sign <= "\u9fff" or "\U00020000" <= sign <= "\U0003ffff":
        return f" {sign} " if sign.isalnum() else " "
    return sign if sign.isalnum() or unicodedata.category(sign)[0] == "M" else " "


def sort_key(text: str) -> str:
    """The sort key of `text`: at most MAX_SORT_KEY characters of its words."""
    return normalise(text)[:MAX_SORT_KEY].rstrip()


def line_of(*, title: str, subtitle: str, authors: Iterable[str], subjects: Iterable[str]) -> str:
    """The words of a book on one line; after each subject its mark, which stands for the whole subject."""
    names, about = " ".join(map(normalise, authors)), " ".join(map(_subject_and_mark, subjects))
    return f" {normalise(title)} | {normalise(subtitle)} | {names} | {about} "[:MAX_LINE]


def _subject_and_mark(subject: str) -> str:
    words = normalise(subject)
    return f"{words} {_mark(words)}"


def _mark(words: str) -> str:
    # No word contains MARK, and both databases treat it as a letter.
    return f"{MARK}{words.replace(' ', MARK)}"[:MAX_MARK]


class HasWords(Func):
    """True for rows in whose `words` every word of `text` occurs. The text must have at least one word."""

    output_field = BooleanField()

    def __init__(self, text: str) -> None:
        super().__init__(F("pk"))
        self.words = self.terms(normalise(text))

    def terms(self, words: str) -> list[str]:
        """The terms that the line of a row must contain."""
        return words.split()

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[str]]:
        """A condition on the GIN index. Words consist of letters, digits and marks and need no quoting."""
        column, _ = compiler.compile(self._pk)
        alias = column.rpartition(".")[0]
        return f'{alias}."search" @@ %s::tsquery', (" & ".join(f"'{word}'" for word in self.words),)

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[str]]:
        """A condition on the FTS5 table."""
        row, _ = compiler.compile(self._pk)
        table = connection.ops.quote_name(f"{self._pk.target.model._meta.db_table}_words")
        found = f"{row} IN (SELECT rowid FROM {table} WHERE {table} MATCH %s)"  # noqa: S608 - names only
        return found, (" AND ".join(f'"{word}"' for word in self.words),)

    @property
    def _pk(self) -> Col:
        return cast("Col", self.get_source_expressions()[0])


class HasSubject(HasWords):
    """True for books with exactly this subject, without case, accents and punctuation: one term of the index."""

    def terms(self, words: str) -> list[str]:
        """The mark of the subject."""
        return [_mark(words)]
