"""What does a book look like in JSON? `BookSerializer` is the contract; `represent` is the fast way to write it."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.reverse import reverse

from accounts.api.members import KnownMembers
from books.book_fields import (
    FIRST_YEAR,
    LAST_YEAR,
    MAX_DESCRIPTION_LENGTH,
    MAX_NAME_LENGTH,
    MAX_NAMES,
    MAX_TITLE_LENGTH,
    TRACKED_FIELDS,
)
from books.models import Author, Book
from books.standards import ISBN_PATTERN, LANGUAGE_PATTERN, MAX_LANGUAGE_LENGTH, isbn13, language_tag

MAX_PAGE_COUNT = 2**31 - 1  # what the column holds

# For OpenAPI, in the part of regular expressions that Python and ECMA 262 share. Blanks around a text are cut off.
_ANY_TEXT = r"^[^\u0000]*$"
_SOME_TEXT = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"  # Python counts more signs as blanks than ECMA 262

BOOK_COLUMNS = ("id", *TRACKED_FIELDS, "added_by_id", "created_at", "updated_at", "version")


def represent(book: Any, books_url: str) -> dict[str, Any]:
    """The JSON object of a book, or of a row with BOOK_COLUMNS; `books_url` is that of the list of books.

    It equals what BookSerializer says, at a fortieth of its cost.
    """
    rating = book.rating
    return {
        "id": book.id,
        "isbn": book.isbn,
        "title": book.title,
        "subtitle": book.subtitle,
        "authors": book.author_names,
        "publisher": book.publisher,
        "published_year": book.published_year,
        "language": book.language,
        "page_count": book.page_count,
        "rating": None if rating is None else float(rating),
        "subjects": book.subjects,
        "description": book.description,
        "added_by": book.added_by_id,
        "created_at": book.created_at,
        "updated_at": book.updated_at,
        "url": f"{books_url}{book.id}/",
    }


AUTHOR_COLUMNS = ("id", "name")


def represent_author(author: Any, authors_url: str, books_url: str) -> dict[str, Any]:
    """The JSON object of an author, or of a row with AUTHOR_COLUMNS, with the URLs of both lists."""
    pk = author.id
    return {"id": pk, "name": author.name, "books": f"{books_url}?author={pk}", "url": f"{authors_url}{pk}/"}


class TextField(serializers.CharField):
    """A JSON string and nothing else, without surrounding blanks."""

    @property
    def accepts(self) -> Mapping[str, Any]:
        """JSON Schema keywords of what the field accepts, for OpenAPI; so in the classes below."""
        return {"pattern": _ANY_TEXT if self.allow_blank else _SOME_TEXT}

    def to_internal_value(self, data: Any) -> str:
        """The text."""
        if not isinstance(data, str):
            self.fail("invalid")
        if self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)  # of what was sent, blanks included
        return super().to_internal_value(data)


class WholeNumberField(serializers.IntegerField):
    """A JSON number without a fraction: neither "3", nor 3.0, nor true."""

    def to_internal_value(self, data: Any) -> int:
        """The number."""
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class RatingField(serializers.FloatField):
    """A JSON number with at most two decimals, kept as an exact decimal."""

    accepts: ClassVar[Mapping[str, Any]] = {"multipleOf": 0.01}
    default_error_messages: ClassVar = {"max_decimal_places": "At most two decimals."}

    def to_internal_value(self, data: Any) -> Decimal:  # type: ignore[override]
        """The number."""
        if type(data) not in (int, float):
            self.fail("invalid")
        rating = Decimal(repr(data))
        # Its last digit's place rather than rounding, which has no room for 1e26.
        exponent = rating.normalize().as_tuple().exponent
        if isinstance(exponent, int) and exponent < -2:
            self.fail("max_decimal_places")
        return rating


class StandardField(TextField):
    """A text that a function brings into its standard form, or refuses with a ValueError.

    `pattern` is a regular expression for what the function accepts, as far as one can tell, for OpenAPI.
    """

    def __init__(self, *, standard: Callable[[str], str], pattern: str, **kwargs: Any) -> None:
        self.standard = standard
        self.pattern = pattern
        super().__init__(**kwargs)

    @property
    def accepts(self) -> Mapping[str, Any]:
        """JSON Schema keywords of what the field accepts."""
        return {"pattern": self.pattern}

    def to_internal_value(self, data: Any) -> str:
        """The standard form."""
        text = super().to_internal_value(data)
        try:
            return self.standard(text)
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from None


class NamesField(serializers.ListField):
    """A list of distinct names, in order."""

    accepts: ClassVar[Mapping[str, Any]] = {"uniqueItems": True}

    child = TextField(max_length=MAX_NAME_LENGTH)
    default_error_messages: ClassVar = {"duplicate": "This is in the list already."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_NAMES, **kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        """The names."""
        names: list[str] = super().to_internal_value(data)
        first = {name: index for index, name in reversed(list(enumerate(names)))}
        repeated = {index: name for index, name in enumerate(names) if first[name] != index}
        if repeated:
            twice = ErrorDetail(str(self.error_messages["duplicate"]), code="duplicate")
            raise ValidationError({str(index): [twice] for index in repeated})
        return names


class BookSerializer(KnownMembers, serializers.ModelSerializer[Book]):
    """A book.

    A PUT replaces: what it leaves out goes back to empty or null. A PATCH keeps what it leaves out. Read-only members
    are ignored, any other member is an error.
    """

    isbn = StandardField(
        standard=isbn13,
        pattern=f"^{ISBN_PATTERN}$",
        allow_null=True,
        default=None,
        max_length=40,
        help_text="ISBN-13 as 13 digits. ISBN-10 and hyphens are accepted; each ISBN occurs once.",
    )
    title = TextField(max_length=MAX_TITLE_LENGTH)
    subtitle = TextField(max_length=MAX_TITLE_LENGTH, allow_blank=True, default="")
    authors = NamesField(source="author_names", allow_empty=False, help_text="Names in the order of the title page.")
    publisher = TextField(max_length=MAX_NAME_LENGTH, allow_blank=True, default="")
    published_year = WholeNumberField(
        min_value=FIRST_YEAR,
        max_value=LAST_YEAR,
        allow_null=True,
        default=None,
        help_text="Negative for years before the common era.",
    )
    language = StandardField(
        standard=language_tag,
        pattern=rf"^(\s*|{LANGUAGE_PATTERN})$",
        max_length=MAX_LANGUAGE_LENGTH,
        allow_blank=True,
        default="",
        help_text="A BCP 47 tag, such as `en` or `pt-BR`.",
    )
    page_count = WholeNumberField(min_value=1, max_value=MAX_PAGE_COUNT, allow_null=True, default=None)
    rating = RatingField(
        min_value=0, max_value=5, allow_null=True, default=None, help_text="0 to 5, at most two decimals."
    )
    subjects = NamesField(default=list)
    description = TextField(max_length=MAX_DESCRIPTION_LENGTH, allow_blank=True, default="")
    added_by = serializers.CharField(
        source="added_by_id", read_only=True, allow_null=True, help_text="The `sub` of who added it."
    )

    class Meta:
        model = Book
        fields: ClassVar = [
            "id",
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
            "added_by",
            "created_at",
            "updated_at",
            "url",
        ]

    @classmethod
    def checked(cls, data: Any, *, partial: bool = False) -> dict[str, Any]:
        """The values of a book, from what a client sent. Raises ValidationError.

        One serializer serves all requests: making its fields takes longer than using them, which keeps nothing.
        """
        values: dict[str, Any] = _shared(cls, partial).run_validation(data)
        return values


@cache
def _shared(kind: type[BookSerializer], partial: bool) -> BookSerializer:
    return kind(partial=partial)


class AuthorSerializer(serializers.ModelSerializer[Author]):
    """An author, with the way to their books."""

    books = serializers.SerializerMethodField(help_text="The list of their books.")

    class Meta:
        model = Author
        fields: ClassVar = ["id", "name", "books", "url"]

    @extend_schema_field({"type": "string", "format": "uri"})
    def get_books(self, author: Author) -> str:
        """The URL of their books."""
        return f"{reverse('book-list', request=self.context['request'])}?author={author.pk}"
