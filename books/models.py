"""Books, their authors and their history: columns, constraints and named queries. `books.writing` writes the rows."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from books.book_fields import FIRST_YEAR, LAST_YEAR, MAX_DESCRIPTION_LENGTH, MAX_NAME_LENGTH, MAX_TITLE_LENGTH
from books.fields import SortKeyField, VersionField, WordsField
from books.search import HasSubject, HasWords, line_of, normalise, sort_key
from books.standards import MAX_LANGUAGE_LENGTH
from books.uploads import Upload, UploadChunk

__all__ = ["Author", "Authorship", "Book", "BookChange", "Upload", "UploadChunk"]  # the models

ONE_ISBN = "books_book_isbn_once"


def _sort_column(name: str, absent: int | str, kind: "models.Field[Any, Any]") -> Any:
    """A generated column: the value of column `name`, or `absent` where that is null.

    With one for each direction absent values sort last in both, by an index on plain columns. SQLite uses no index on
    an expression for row values.
    """
    default = Value(absent, output_field=kind)
    return models.GeneratedField(expression=Coalesce(name, default), output_field=kind, db_persist=True)


class AuthorQuerySet(models.QuerySet["Author"]):
    """Queries of authors."""

    def matching(self, text: str) -> Self:
        """Authors whose name contains every word of `text`, which must have one."""
        return self.filter(HasWords(text))

    def named(self, name: str) -> list[int]:
        """The ids of authors with this name, without case, accents and punctuation."""
        return list(self.filter(name_key=sort_key(name), words=normalise(name)).values_list("pk", flat=True))


class Author(models.Model):
    """An author, identified by the exact name."""

    name = models.CharField(max_length=MAX_NAME_LENGTH)
    name_key = SortKeyField(source="name")
    words = WordsField()

    objects = AuthorQuerySet.as_manager()

    class Meta:
        ordering = ("name_key", "id")
        # A constraint rather than unique=True: that would bring a second index for LIKE on PostgreSQL.
        constraints: ClassVar = [models.UniqueConstraint(fields=["name"], name="books_author_name_once")]
        indexes: ClassVar = [models.Index(fields=["name_key", "id"], name="books_author_by_name")]

    def __str__(self) -> str:
        return self.name

    def line_of_words(self) -> str:
        """The words of the name."""
        return normalise(self.name)


class BookQuerySet(models.QuerySet["Book"]):
    """Queries of books."""

    def matching(self, text: str) -> Self:
        """Books whose title, subtitle, authors or subjects contain every word of `text`, which must have one."""
        return self.filter(HasWords(text))

    def by_author(self, name: str) -> Self:
        """Books of authors with this name, without case, accents and punctuation."""
        return self.by_authors(Author.objects.named(name))

    def by_authors(self, authors: Sequence[int]) -> Self:
        """Books of any of these authors, given by id."""
        # By literal ids, from which the planner can tell how many books these authors have.
        return self.filter(pk__in=Authorship.objects.filter(author_id__in=authors).values("book_id"))

    def about(self, subject: str) -> Self:
        """Books with this subject, without case, accents and punctuation."""
        return self.filter(HasSubject(subject))

    def published_from(self, year: int) -> Self:
        """Books published in `year` or later."""
        # On the same column as published_to, so that the planner sees one range with both bounds.
        return self.filter(year_up__range=(year, LAST_YEAR))

    def published_to(self, year: int) -> Self:
        """Books published in `year` or earlier."""
        return self.filter(year_up__lte=year)

    def rated(self, rating: Decimal) -> Self:
        """Books with `rating` or a better one."""
        return self.filter(rating_down__gte=rating)


class Book(models.Model):
    """A book of the catalogue. Rows are written by `books.writing` alone.

    `author_names` is what the API returns; it equals the names of `authors` in order.
    """

    isbn = models.CharField("ISBN", max_length=13, null=True, blank=True)
    title = models.CharField(max_length=MAX_TITLE_LENGTH)
    subtitle = models.CharField(max_length=MAX_TITLE_LENGTH, blank=True)
    author_names = models.JSONField(default=list, editable=False)
    authors = models.ManyToManyField(Author, through="Authorship", related_name="books")
    publisher = models.CharField(max_length=MAX_NAME_LENGTH, blank=True)
    published_year = models.SmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(FIRST_YEAR), MaxValueValidator(LAST_YEAR)],
        help_text="Negative for years before the common era.",
    )
    language = models.CharField(
        max_length=MAX_LANGUAGE_LENGTH, blank=True, help_text="A BCP 47 tag, such as en or pt-BR."
    )
    page_count = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    rating = models.DecimalField(
        max_digits=3,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(5)],
    )
    subjects = models.JSONField(default=list, blank=True)
    description = models.TextField(blank=True, max_length=MAX_DESCRIPTION_LENGTH)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        # The index books_by_adder begins with it.
        db_index=False,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    version = VersionField()
    title_key = SortKeyField(source="title")
    year_up = _sort_column("published_year", 32767, models.SmallIntegerField())
    year_down = _sort_column("published_year", -32768, models.SmallIntegerField())
    rating_up = _sort_column("rating", "9.99", models.DecimalField(max_digits=3, decimal_places=2))
    rating_down = _sort_column("rating", "-1", models.DecimalField(max_digits=3, decimal_places=2))
    words = WordsField()

    objects = BookQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["isbn"], name=ONE_ISBN, violation_error_message="Another book has it."),
            models.CheckConstraint(condition=Q(page_count__gte=1), name="books_book_has_pages"),
            models.CheckConstraint(condition=Q(rating__range=(0, 5)), name="books_book_rating_to_five"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at", "id"], name="books_by_age"),
            models.Index(fields=["title_key", "id"], name="books_by_title"),
            models.Index(fields=["year_up", "id"], name="books_by_year_up"),
            models.Index(fields=["year_down", "id"], name="books_by_year_down"),
            models.Index(fields=["rating_up", "id"], name="books_by_rating_up"),
            models.Index(fields=["rating_down", "id"], name="books_by_rating_down"),
            models.Index(fields=["language", "created_at", "id"], name="books_by_language"),
            models.Index(fields=["added_by", "created_at", "id"], name="books_by_adder"),
        ]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and always write the derived columns too."""
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "title_key", "words", "version", "updated_at"}
        super().save(*args, **kwargs)

    def line_of_words(self) -> str:
        """The words of title, subtitle, authors and subjects."""
        return line_of(title=self.title, subtitle=self.subtitle, authors=self.author_names, subjects=self.subjects)


class Authorship(models.Model):
    """The link between a book and an author, with the author's place on the title page."""

    book = models.ForeignKey(Book, on_delete=models.CASCADE, db_index=False)
    author = models.ForeignKey(Author, on_delete=models.PROTECT, db_index=False)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("position", "id")
        constraints: ClassVar = [models.UniqueConstraint(fields=["book", "author"], name="books_authorship_once")]
        indexes: ClassVar = [models.Index(fields=["author", "book"], name="books_authorship_of_author")]

    def __str__(self) -> str:
        return f"{self.author} ({self.position + 1})"


class BookChangeQuerySet(models.QuerySet["BookChange"]):
    """Entries of the history."""

    def of(self, book_id: int | str) -> Self:
        """Those of one book, the newest first."""
        return self.filter(book_id=book_id).order_by("-at", "-id")


class BookChange(models.Model):
    """An entry of the history: a book was added, changed or deleted. Written in the transaction that does it.

    Rows name books and people by their keys alone, so that they outlive both. `news` is a diff (`books.writing.diff`):
    old and new value by the name of the field. `actor` is the subject of who acted for `by` with a delegated token
    (RFC 8693), usually empty.
    """

    class Action(models.TextChoices):
        """What was done."""

        ADDED = "added", "added"
        CHANGED = "changed", "changed"
        DELETED = "deleted", "deleted"
        IMPORTED = "imported", "added by an import"
        MERGED = "merged", "changed by an import"

    book_id = models.BigIntegerField("number of the book")
    title = models.CharField(max_length=MAX_TITLE_LENGTH)
    action = models.CharField("what", max_length=16, choices=Action)
    by = models.CharField("who", max_length=255, blank=True, help_text="The subject; empty for a command.")
    # With a default of the database: a release without this column still writes while the next one is deployed.
    actor = models.CharField(max_length=255, blank=True, default="", db_default="", help_text="Acted for them.")
    news = models.JSONField("from what to what", default=dict, encoder=DjangoJSONEncoder)
    at = models.DateTimeField("when", default=timezone.now)

    objects = BookChangeQuerySet.as_manager()

    class Meta:
        verbose_name = "change of a book"
        verbose_name_plural = "changes of books"
        ordering = ("-at", "-id")
        indexes: ClassVar = [
            models.Index(fields=["book_id", "at"], name="books_change_of_book"),
            models.Index(fields=["at", "id"], name="books_change_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.get_action_display()}"
