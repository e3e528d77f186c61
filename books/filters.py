"""Tables of the filter parameters of books and authors, for filtering and for OpenAPI."""

from collections.abc import Mapping
from typing import cast

from django.contrib.auth.models import AnonymousUser
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from accounts.tokens.users import CognitoUser
from books.book_fields import FIRST_YEAR, LAST_YEAR, MAX_NAME_LENGTH
from books.models import Author
from books.parameters import (
    ONE_ID,
    WITH_A_WORD,
    Parameter,
    by_commas,
    decimal_up_to,
    identifier,
    several,
    standard,
    text_schema,
    whole_number,
    words,
)
from books.standards import ISBN_PATTERN, LANGUAGE_PATTERN, isbn13, language_tag

MAX_SEARCH = 200  # characters
MAX_SUB = 255  # characters, as in accounts.User

_YEAR = whole_number(FIRST_YEAR, LAST_YEAR)
_YEAR_SCHEMA = {"type": "integer", "minimum": FIRST_YEAR, "maximum": LAST_YEAR}


def _authors(text: str, request: Request) -> list[int]:
    if not (text.isascii() and text.isdigit()):
        return Author.objects.named(words(text, request))
    pk = identifier(text, request)
    if not Author.objects.filter(pk=pk).exists():
        raise ValueError("There is no author with this id.")
    return [pk]


def _sub(text: str, request: Request) -> str:
    if text != "me":
        return text
    user = cast("CognitoUser | AnonymousUser", request.user)
    if not isinstance(user, CognitoUser):
        raise NotAuthenticated
    return user.sub


BOOK_PARAMETERS: Mapping[str, Parameter] = {
    "added_by": Parameter(
        description="Only books that this `sub` added; `me` for your own.",
        read=_sub,
        schema=text_schema(MAX_SUB),
        narrow=lambda books, sub: books.filter(added_by_id=sub),
    ),
    "search": Parameter(
        description="Words that all occur in title, subtitle, authors or subjects, without case and accents.",
        read=words,
        narrow=lambda books, text: books.matching(text),
        schema=text_schema(MAX_SEARCH, WITH_A_WORD),
    ),
    "id": Parameter(
        description="Only the books with these ids: up to 100 by commas.",
        read=several(identifier),
        narrow=lambda books, ids: books.filter(pk__in=ids),
        schema=by_commas(ONE_ID),
    ),
    "isbn": Parameter(
        description="Only the books with these ISBNs, in any form: up to 100 by commas.",
        read=several(standard(isbn13)),
        narrow=lambda books, isbns: books.filter(isbn__in=isbns),
        schema=by_commas(ISBN_PATTERN),
    ),
    "author": Parameter(
        description="Only books by this author: a whole name, without case and accents, or the id of an author.",
        read=_authors,
        narrow=lambda books, authors: books.by_authors(authors),
        schema=text_schema(MAX_NAME_LENGTH, WITH_A_WORD),
    ),
    "language": Parameter(
        description="Only books in these languages: BCP 47 tags by commas.",
        read=several(standard(language_tag)),
        narrow=lambda books, tags: books.filter(language__in=tags),
        schema=by_commas(LANGUAGE_PATTERN),
    ),
    "subject": Parameter(
        description="Only books with this subject: the whole subject, without case and accents.",
        read=words,
        narrow=lambda books, subject: books.about(subject),
        schema=text_schema(MAX_NAME_LENGTH, WITH_A_WORD),
    ),
    "published_from": Parameter(
        description="Only books published in this year or later.",
        read=_YEAR,
        narrow=lambda books, year: books.published_from(year),
        schema=_YEAR_SCHEMA,
    ),
    "published_to": Parameter(
        description="Only books published in this year or earlier.",
        read=_YEAR,
        narrow=lambda books, year: books.published_to(year),
        schema=_YEAR_SCHEMA,
    ),
    "min_rating": Parameter(
        description="Only books with this rating or a better one.",
        read=decimal_up_to(5),
        narrow=lambda books, rating: books.rated(rating),
        schema={"type": "number", "minimum": 0, "maximum": 5, "multipleOf": 0.01},
    ),
}

AUTHOR_PARAMETERS: Mapping[str, Parameter] = {
    "search": Parameter(
        description="Words that all occur in the name, without case and accents.",
        read=words,
        narrow=lambda authors, text: authors.matching(text),
        schema=text_schema(MAX_SEARCH, WITH_A_WORD),
    ),
}
