"""Which ISBN do these cells prove? Spreadsheets take ISBNs for numbers: zeros, digits and prefixes get lost.

What is taken, in this order:

1. a whole ISBN-10 or ISBN-13 whose check digit is right, in whatever wrapping (`="0439023483"`, `ISBN 0-439-...`);
2. six to nine digits that are an ISBN-10 once leading zeros are put back, and a number written with all its digits
   (`439023483.0`, `9.780439023483e+12`), where the check digit is right;
3. an ISBN-13 that lost its 978: ten digits that are none by the rule of ISBN-10 but, with 978 before them, one by the
   rule of ISBN-13, while the float in another cell agrees in at least eleven digits.

A float such as 9.78043902348e+12 proves nothing alone: the digit it lost is the check digit itself, and the one before
it may be rounded.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from books.standards import isbn13

MAX_CELL = 60  # characters; nothing longer is an ISBN in any wrapping

_WRAPPING = re.compile(r"""[='"\s]*(?:isbn(?:-?1[03])?\s*:?\s*)?(.*?)\s*(?:\([^()]*\))?["'\s]*""", re.IGNORECASE)
_SHORT = re.compile(r"[0-9]{5,8}[0-9X]", re.IGNORECASE)
_TEN = re.compile(r"[0-9]{8,10}")
_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{0,20})?(?:[eE]\+?[0-9]{1,2})?")
# Hyphens and blanks, among them those that Unicode has for print.
_JOINTS = re.compile(r"[\s\u2010-\u2015\u2212\u00ad-]")
_SHAPE = re.compile(r"[0-9]{9}[0-9Xx]|97[89][0-9]{10}")
_DIGITS_THAT_AGREE = 11


class Isbn(NamedTuple):
    """An ISBN-13, and whether digits had to be put back."""

    digits: str
    repaired: bool


def proven_isbn(cells: Sequence[str]) -> Isbn:
    """The ISBN that the cells of one row prove; an earlier cell wins. Raises ValueError when they prove none."""
    texts = [text for cell in cells if len(cell) <= MAX_CELL and (text := _unwrapped(cell))]
    for candidates, repaired in ((texts, False), (_padded(texts), True), (_prefixed(texts), True)):
        for candidate in candidates:
            if digits := _valid(candidate):
                return Isbn(digits, repaired)
    raise ValueError("no check digit proves it")


def _unwrapped(cell: str) -> str:
    """What is inside the wrapping; nothing where there is something else around it."""
    if cell.isalnum() and cell[0] not in "iI":
        return cell
    match = _WRAPPING.fullmatch(cell)
    return match[1] if match else ""


def _padded(texts: Iterable[str]) -> Iterator[str]:
    """The texts as they were before somebody took them for numbers."""
    for text in texts:
        whole = text
        if _NUMBER.fullmatch(text):
            number = Decimal(text)
            # With a positive exponent the text does not show the last digits; with a fraction it is none.
            if number != number.to_integral_value() or _exponent(number) > 0:
                continue
            whole = str(int(number))
        yield whole.zfill(10) if _SHORT.fullmatch(whole) else whole


def _prefixed(texts: Iterable[str]) -> Iterator[str]:
    """ISBN-13s that lost their 978, where a float agrees."""
    floats = [Decimal(text) for text in texts if _NUMBER.fullmatch(text)]
    for text in texts:
        if _TEN.fullmatch(text):
            whole = f"978{text.zfill(10)}"
            if any(_agrees(number, int(whole)) for number in floats):
                yield whole


def _agrees(number: Decimal, whole: int) -> bool:
    """Whether `number` is `whole`, rounded to the digits it shows."""
    exponent = _exponent(number)
    return (
        exponent > 0
        and len(number.as_tuple().digits) >= _DIGITS_THAT_AGREE
        and abs(number - whole) * 2 <= Decimal(10) ** exponent
    )


def _exponent(number: Decimal) -> int:
    """The power of ten of the last digit it shows."""
    return number.adjusted() - len(number.as_tuple().digits) + 1


def _valid(text: str) -> str | None:
    compact = text if text.isalnum() else _JOINTS.sub("", text)
    # 0000000000 and its like have a right check digit, and stand for "none".
    if not _SHAPE.fullmatch(compact) or len(set(compact)) < 2:
        return None
    try:
        return isbn13(compact)
    except ValueError:
        return None
