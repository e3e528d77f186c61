"""What do other people's standards say about a value? ISBNs (ISO 2108) and language tags (BCP 47)."""

import re

from langcodes import standardize_tag, tag_is_valid
from stdnum import isbn as stdnum_isbn
from stdnum.exceptions import ValidationError as NotAnIsbn
from stdnum.util import clean

MAX_LANGUAGE_LENGTH = 35  # RFC 5646 section 4.4.1: room for every well-formed tag in practical use

# python-stdnum would also take a nine-digit SBN, and guess its leading zero.
_ISBN = re.compile(r"[0-9]{9}[0-9X]|97[89][0-9]{10}")
# langcodes forgives underscores and capital letters, so do we; anything else is not a tag.
_LANGUAGE = re.compile(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*")


def isbn13(text: str) -> str:
    """The 13 digits of an ISBN-10 or ISBN-13, with or without hyphens and blanks.

    Raises ValueError, with a sentence for the client, when it is none or its check digit is wrong.
    """
    if len(text) > 40:
        raise ValueError("An ISBN has 10 or 13 digits.")
    compact = clean(text, " -").upper()
    if not _ISBN.fullmatch(compact):
        raise ValueError("An ISBN has 10 or 13 digits.")
    try:
        digits: str = stdnum_isbn.validate(compact, convert=True)
    except NotAnIsbn:
        raise ValueError("The check digit of this ISBN is wrong.") from None
    return digits


def language_tag(text: str) -> str:
    """The canonical form of a BCP 47 language tag: `ger` is `de`, `pt-br` is `pt-BR`.

    Raises ValueError, with a sentence for the client, when it is not a valid tag.
    """
    if len(text) > MAX_LANGUAGE_LENGTH or not _LANGUAGE.fullmatch(text) or not tag_is_valid(text):
        raise ValueError("This is not a valid BCP 47 language tag, such as en or pt-BR.")
    canonical: str = standardize_tag(text)
    if len(canonical) > MAX_LANGUAGE_LENGTH or not tag_is_valid(canonical):
        raise ValueError("This is not a valid BCP 47 language tag, such as en or pt-BR.")
    return canonical
