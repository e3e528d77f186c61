"""Repair of ISBNs from cells: spreadsheets take them for numbers, and lose zeros, digits and prefixes.

Accepted, in this order:

1. a complete ISBN-10 or ISBN-13 with a valid check digit, also in a wrapping (`="0439023483"`, `ISBN 0-439-...`);
2. six to nine digits that are an ISBN-10 once leading zeros are restored, and a number written with all its digits
   (`439023483.0`, `9.780439023483e+12`), where the check digit is valid;
3. an ISBN-13 that lost its 978: ten digits that are no valid ISBN-10 but, with 978 before them, a valid ISBN-13, if
   the float in another cell agrees in at least eleven digits.

A float such as 9.78043902348e+12 alone is not enough: the lost digit is the check digit, and the one before it may be
rounded.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from books.standards import isbn13

MAX_CELL = 60  # characters of an ISBN in a wrapping

_WRAPPING = re.compile(r"""[='"\s]*(?:isbn(?:-?1[03])?\s*:?\s*)?(.*?)\s*(?:\([^()]*\))?["'\s]*""", re.IGNORECASE)
_SHORT = re.compile(r"[0-9]{5,8}[0-9X]", re.IGNORECASE)
_TEN = re.compile(r"[0-9]{8,10}")
_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{0,20})?(?:[eE]\+?[0-9]{1,2})?")
# Hyphens and blanks, also those of Unicode for print.
_JOINTS = re.compile(r"[\s\u2010-\u2015\u2212\u00ad-]")
_SHAPE = re.compile(r"[0-9]{9}[0-9Xx]|97[89][0-9]{10}")
_DIGITS_THAT_AGREE = 11


class Isbn(NamedTuple):
    """An ISBN-13, and whether digits had to be restored."""

    digits: str
    repaired: bool


def proven_isbn(cells: Sequence[str]) -> Isbn:
    """The ISBN of the cells of one row; an earlier cell takes precedence. Raises ValueError if there is none."""
    texts = [text for cell in cells if len(cell) <= MAX_CELL and (text := _unwrapped(cell))]
    for candidates, repaired in ((texts, False), (_padded(texts), True), (_prefixed(texts), True)):
        for candidate in candidates:
            if digits := _valid(candidate):
                return Isbn(digits, repaired)
    raise ValueError("no check digit proves it")


def _unwrapped(cell: str) -> str:
    """The text inside the wrapping; empty where something else surrounds it."""
    if cell.isalnum() and cell[0] not in "iI":
        return cell
    match = _WRAPPING.fullmatch(cell)
    return match[1] if match else ""


def _padded(texts: Iterable[str]) -> Iterator[str]:
    """The texts with the zeros and digits that a number format has removed."""
    for text in texts:
        whole = text
        if _NUMBER.fullmatch(text):
            number = Decimal(text)
            # A positive exponent hides the last digits; a fraction is no ISBN.
            if number != number.to_integral_value() or _exponent(number) > 0:
                continue
            whole = str(int(number))
        yield whole.zfill(10) if _SHORT.fullmatch(whole) else whole


def _prefixed(texts: Iterable[str]) -> Iterator[str]:
    """ISBN-13s that lost their 978, if a float agrees."""
    floats = [Decimal(text) for text in texts if _NUMBER.fullmatch(text)]
    for text in texts:
        if _TEN.fullmatch(text):
            whole = f"978{text.zfill(10)}"
            if any(_agrees(number, int(whole)) for number in floats):
                yield whole


def _agrees(number: Decimal, whole: int) -> bool:
    """Whether `number` equals `whole`, rounded to the digits of `number`."""
    exponent = _exponent(number)
    return (
        exponent > 0
        and len(number.as_tuple().digits) >= _DIGITS_THAT_AGREE
        and abs(number - whole) * 2 <= Decimal(10) ** exponent
    )


def _exponent(number: Decimal) -> int:
    """The power of ten of the last digit of `number`."""
    return number.adjusted() - len(number.as_tuple().digits) + 1


def _valid(text: str) -> str | None:
    compact = text if text.isalnum() else _JOINTS.sub("", text)
    # 0000000000 and the like have a valid check digit and mean "none".
    if not _SHAPE.fullmatch(compact) or len(set(compact)) < 2:
        return None
    try:
        return isbn13(compact)
    except ValueError:
        return None
