"""JSON representation of books and authors: strict serializers."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.reverse import reverse

from accounts.api.members import KnownMembers
from books.book_fields import BOOK_FIELDS, FIELD_NAMES, MAX_NAMES, TRACKED_FIELDS, BookField, Kind
from books.models import Author, Book
from books.standards import ISBN_PATTERN, LANGUAGE_PATTERN, isbn13, language_tag

# For OpenAPI, in the regular expressions that Python and ECMA 262 share. Blanks around a text are cut off.
_ANY_TEXT = r"^[^\u0000]*$"
_SOME_TEXT = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"  # Python knows more blanks than ECMA 262

BOOK_COLUMNS = ("id", *TRACKED_FIELDS, "added_by_id", "created_at", "updated_at", "version")
"""What is read of a row; it begins with the values of MEMBERS."""
MEMBERS = ("id", *FIELD_NAMES, "added_by", "created_at", "updated_at")
AUTHOR_COLUMNS = ("id", "name")


class TextField(serializers.CharField):
    """A JSON string of at most `max_length` characters, returned without surrounding blanks."""

    @property
    def accepts(self) -> Mapping[str, Any]:
        """JSON Schema keywords of what the field accepts, for OpenAPI."""
        return {"pattern": _ANY_TEXT if self.allow_blank else _SOME_TEXT}

    def to_internal_value(self, data: Any) -> str:
        """Return the text. Raises ValidationError."""
        if not isinstance(data, str):
            self.fail("invalid")
        if self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)  # blanks included
        return super().to_internal_value(data)


class WholeNumberField(serializers.IntegerField):
    """A JSON number without a fraction: neither "3", nor 3.0, nor true."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number. Raises ValidationError."""
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class RatingField(serializers.FloatField):
    """A JSON number with at most two decimals, kept as an exact decimal."""

    accepts: ClassVar[Mapping[str, Any]] = {"multipleOf": 0.01}
    default_error_messages: ClassVar = {"max_decimal_places": "At most two decimals."}

    def to_internal_value(self, data: Any) -> Decimal:  # type: ignore[override]
        """Return the number. Raises ValidationError."""
        if type(data) not in (int, float):
            self.fail("invalid")
        rating = Decimal(repr(data))
        # By the exponent of the last digit: quantize() fails for 1e26.
        exponent = rating.normalize().as_tuple().exponent
        if isinstance(exponent, int) and exponent < -2:
            self.fail("max_decimal_places")
        return rating


class StandardField(TextField):
    """A text in a standard form: `standard` returns the form, or raises ValueError with a sentence for the client.

    `pattern` is a regular expression that all accepted texts match, for OpenAPI.
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
        """Return the standard form. Raises ValidationError."""
        text = super().to_internal_value(data)
        try:
            return self.standard(text)
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from None


class NamesField(serializers.ListField):
    """A list of at most MAX_NAMES distinct texts, in order."""

    accepts: ClassVar[Mapping[str, Any]] = {"uniqueItems": True}

    default_error_messages: ClassVar = {"duplicate": "This is in the list already."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_NAMES, **kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        """Return the names. Raises ValidationError, with the index of each repeated one."""
        names: list[str] = super().to_internal_value(data)
        first = {name: index for index, name in reversed(list(enumerate(names)))}
        repeated = {index: name for index, name in enumerate(names) if first[name] != index}
        if repeated:
            twice = ErrorDetail(str(self.error_messages["duplicate"]), code="duplicate")
            raise ValidationError({str(index): [twice] for index in repeated})
        return names


def _member(field: BookField) -> serializers.Field[Any, Any, Any, Any]:
    """The serializer field of a row of the table. What is not required goes back to empty or null in a PUT."""
    how: dict[str, Any] = {"help_text": field.help_text}
    text = how if field.required else {**how, "allow_blank": True, "default": ""}
    number = how if field.required else {**how, "allow_null": True, "default": None}
    match field.kind:
        case Kind.TEXT | Kind.PROSE:
            return TextField(max_length=field.max_length, **text)
        case Kind.ISBN:
            return StandardField(standard=isbn13, pattern=f"^{ISBN_PATTERN}$", max_length=field.max_length, **number)
        case Kind.LANGUAGE:
            pattern = rf"^(\s*|{LANGUAGE_PATTERN})$"
            return StandardField(standard=language_tag, pattern=pattern, max_length=field.max_length, **text)
        case Kind.YEAR | Kind.PAGES:
            return WholeNumberField(min_value=field.minimum, max_value=field.maximum, **number)
        case Kind.RATING:
            return RatingField(min_value=field.minimum, max_value=field.maximum, **number)
        case Kind.NAMES:
            source = field.column if field.column != field.name else None
            empty = {"allow_empty": False} if field.required else {"default": list}
            return NamesField(source=source, child=TextField(max_length=field.max_length), **how, **empty)


class BookSerializer(KnownMembers, serializers.ModelSerializer[Book]):
    """A book.

    A PUT replaces: what it leaves out goes back to empty or null. A PATCH keeps what it leaves out. Read-only members
    are ignored, any other member is an error.
    """

    added_by = serializers.CharField(
        source="added_by_id", read_only=True, allow_null=True, help_text="The `sub` of who added it."
    )

    class Meta:
        model = Book
        fields: ClassVar = [*MEMBERS, "url"]

    def get_fields(self) -> dict[str, Any]:
        """The members of the table instead of those that Django would make of the columns."""
        own = {field.name: _member(field) for field in BOOK_FIELDS}
        return {name: own.get(name, field) for name, field in super().get_fields().items()}

    @classmethod
    def checked(cls, data: Any, *, partial: bool = False) -> dict[str, Any]:
        """The values of a book by column, from what a client sent. Raises ValidationError.

        One serializer serves all requests: its validation keeps no state, and making its fields takes longer than that.
        """
        values: dict[str, Any] = _shared(cls, partial).run_validation(data)
        return values


@cache
def _shared(kind: type[BookSerializer], partial: bool) -> BookSerializer:
    return kind(partial=partial)


class AuthorSerializer(serializers.ModelSerializer[Author]):
    """An author, with the URL of the list of their books."""

    books = serializers.SerializerMethodField(help_text="The list of their books.")

    class Meta:
        model = Author
        fields: ClassVar = ["id", "name", "books", "url"]

    @extend_schema_field({"type": "string", "format": "uri"})
    def get_books(self, author: Author) -> str:
        """The URL of their books."""
        return f"{reverse('book-list', request=self.context['request'])}?author={author.pk}"
