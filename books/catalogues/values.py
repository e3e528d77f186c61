"""Readers of cells: each returns a value that fits its column, or raises ValueError.

The sentence of the error says why, without the value, so that equal reasons can be counted.
"""

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal

from books.book_fields import (
    FIRST_YEAR,
    LAST_YEAR,
    MAX_DESCRIPTION_LENGTH,
    MAX_NAME_LENGTH,
    MAX_NAMES,
    MAX_PAGE_COUNT,
    MAX_RATING,
)
from books.standards import language_tag

_WHOLE = re.compile(r"([0-9]{1,10})(?:\.0*)?")
# 2008, 2008.0, -750.0, and the year of a date such as 2008-09-14.
_YEAR = re.compile(r"(-?[0-9]{1,4})(?:\.0*)?|([0-9]{4})-[0-9]{2}(?:-[0-9]{2})?(?:[T ].*)?")
_DECIMAL = re.compile(r"[0-9]{1,3}(?:\.[0-9]{0,20})?")
_BETWEEN_LANGUAGES = re.compile(r"[;,|]")
MAX_LANGUAGES = 20  # of one cell


def one_line(text: str, limit: int) -> str:
    """`text` with single blanks for all white space, line breaks included."""
    line = " ".join(text.split())
    if len(line) > limit:
        raise ValueError(f"longer than {limit:,} characters")
    return line


def prose(text: str) -> str:
    """Text that keeps its line breaks, as `\\n`."""
    clean = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(clean) > MAX_DESCRIPTION_LENGTH:
        raise ValueError(f"longer than {MAX_DESCRIPTION_LENGTH:,} characters")
    return clean


def year(text: str) -> int:
    """A whole year; negative before the common era."""
    match = _YEAR.fullmatch(text)
    if not match:
        raise ValueError("not a year")
    number = int(match[1] or match[2])
    if not FIRST_YEAR <= number <= LAST_YEAR:
        raise ValueError(f"not between {FIRST_YEAR} and {LAST_YEAR}")
    return number


def pages(text: str) -> int:
    """A positive number of pages."""
    match = _WHOLE.fullmatch(text)
    if not match or not 0 < int(match[1]) <= MAX_PAGE_COUNT:
        raise ValueError("not a number of pages")
    return int(match[1])


def rating(text: str) -> Decimal:
    """A rating from 0 to 5, rounded to two decimals."""
    if not _DECIMAL.fullmatch(text) or Decimal(text) > MAX_RATING:
        raise ValueError("not a number from 0 to 5")
    return Decimal(text).quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)


def language(text: str) -> str:
    """A BCP 47 tag; of several languages in the cell the first one that is valid."""
    for part in _BETWEEN_LANGUAGES.split(text, MAX_LANGUAGES)[:MAX_LANGUAGES]:
        try:
            return language_tag(part.strip())
        except ValueError:
            continue
    raise ValueError("not a language tag")


def parts(text: str, separator: str) -> list[str]:
    """The texts between separators, each on one line, without empty ones."""
    return [part for piece in text.split(separator) if (part := " ".join(piece.split()))]


def distinct_names(names: Iterable[str]) -> list[str]:
    """The names without repetitions, in order; there must be at least one."""
    distinct = list(dict.fromkeys(names))
    if not distinct:
        raise ValueError("empty")
    if len(distinct) > MAX_NAMES:
        raise ValueError(f"more than {MAX_NAMES} names; is the separator right?")
    if max(map(len, distinct)) > MAX_NAME_LENGTH:
        raise ValueError(f"a name is longer than {MAX_NAME_LENGTH} characters; is the separator right?")
    return distinct


def cut_names(names: Iterable[str]) -> tuple[list[str], bool]:
    """At most MAX_NAMES distinct names of at most MAX_NAME_LENGTH characters, and whether anything was cut."""
    given = list(names)
    fitting = list(dict.fromkeys(name[:MAX_NAME_LENGTH].rstrip() for name in given))[:MAX_NAMES]
    return fitting, any(len(name) > MAX_NAME_LENGTH for name in given) or len(set(given)) > len(fitting)
