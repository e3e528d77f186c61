"""Validation and canonical forms of ISBNs (ISO 2108) and language tags (BCP 47)."""

import re
from functools import lru_cache
from threading import Lock

from langcodes import Language, standardize_tag, tag_is_valid
from stdnum import ean
from stdnum.util import clean

MAX_LANGUAGE_LENGTH = 35  # RFC 5646 section 4.4.1: room for every well-formed tag in practical use

# python-stdnum would also take a nine-digit SBN, and guess its leading zero.
_ISBN = re.compile(r"[0-9]{9}[0-9X]|97[89][0-9]{10}")
# langcodes accepts underscores and any case; so does this.
_LANGUAGE = re.compile(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*")
MAX_TAGS_KEPT = 1000  # in the caches of langcodes, which have no limit

_langcodes = Lock()

# Patterns of what the functions below accept, check digits and the registry of languages apart: for OpenAPI, in the
# regular expressions that Python and ECMA 262 share.
ISBN_PATTERN = r"\s*[ -]*(9[ -]*7[ -]*[89]([ -]*[0-9]){10}|([0-9][ -]*){9}[0-9Xx])[ -]*\s*"
LANGUAGE_PATTERN = r"\s*[A-Za-z0-9]+([-_][A-Za-z0-9]+)*\s*"


def isbn13(text: str) -> str:
    """The 13 digits of an ISBN-10 or ISBN-13 with or without hyphens and blanks.

    Raises ValueError with a sentence for the client when the form or the check digit is wrong.
    """
    if len(text) > 40:
        raise ValueError("An ISBN has 10 or 13 digits.")
    compact = text if _ISBN.fullmatch(text) else clean(text, " -").upper()
    if not _ISBN.fullmatch(compact):
        raise ValueError("An ISBN has 10 or 13 digits.")
    body, check, ten = compact[:-1], compact[-1], len(compact) == 10
    if check != (_check_digit_of_ten(body) if ten else ean.calc_check_digit(body)):
        raise ValueError("The check digit of this ISBN is wrong.")
    return f"978{body}{ean.calc_check_digit(f'978{body}')}" if ten else compact


def _check_digit_of_ten(body: str) -> str:
    """The check digit of an ISBN-10. That of python-stdnum parses each number three times: a third of an import."""
    return "0123456789X"[sum(weight * int(digit) for weight, digit in enumerate(body, 1)) % 11]


def language_tag(text: str) -> str:
    """The canonical form of a BCP 47 language tag: `ger` is `de`, `pt-br` is `pt-BR`.

    Raises ValueError with a sentence for the client when the tag is not valid.
    """
    canonical = _canonical_tag(text) if len(text) <= MAX_LANGUAGE_LENGTH and _LANGUAGE.fullmatch(text) else None
    if canonical is None:
        raise ValueError("This is not a valid BCP 47 language tag, such as en or pt-BR.")
    return canonical


@lru_cache(maxsize=4096)
def _canonical_tag(text: str) -> str | None:
    """The canonical form of a well-formed tag; None when it is not valid."""
    with _langcodes:
        try:
            canonical: str = standardize_tag(text) if tag_is_valid(text) else ""
            return canonical if len(canonical) <= MAX_LANGUAGE_LENGTH and tag_is_valid(canonical) else None
        finally:
            # langcodes 3.5 caches every tag for ever, valid or not, and anonymous callers choose the tags. Cleared
            # under the lock, because langcodes looks twice for an entry.
            if len(Language._PARSE_CACHE) > MAX_TAGS_KEPT:
                Language._PARSE_CACHE.clear()
                Language._INSTANCES.clear()
