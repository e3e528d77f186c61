"""What is a book, who wrote it, and how are books found and changed? Every query that deserves a name is here."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from books import bulk
from books.adding import add_at_once, can_add_at_once
from books.changes import BookChange, between, told
from books.exceptions import IsbnTaken
from books.fields import SortKeyField, VersionField, WordsField
from books.search import HasSubject, HasWords, line_of, normalise, sort_key
from books.standards import MAX_LANGUAGE_LENGTH
from books.uploads import Upload, UploadChunk

__all__ = ["Author", "Authorship", "Book", "BookChange", "Upload", "UploadChunk"]  # the models

FIRST_YEAR, LAST_YEAR = -5000, 9999
MAX_NAMES = 100
MAX_NAME_LENGTH = 300
MAX_TITLE_LENGTH = 500
MAX_DESCRIPTION_LENGTH = 20_000


ONE_ISBN = "books_book_isbn_once"


def _sort_column(name: str, absent: int | str, kind: "models.Field[Any, Any]") -> Any:
    """A column that the database keeps equal to another one, with `absent` where that one is null.

    So absent values sort last in either direction, by an index on plain columns: SQLite does not use one on an
    expression for row values.
    """
    stand_in = Value(absent, output_field=kind)
    return models.GeneratedField(expression=Coalesce(name, stand_in), output_field=kind, db_persist=True)


class AuthorQuerySet(models.QuerySet["Author"]):
    """Authors."""

    def matching(self, text: str) -> Self:
        """Those in whose name every word of `text` occurs. There must be at least one."""
        return self.filter(HasWords(text))

    def named(self, name: str) -> list[int]:
        """The ids of those with exactly this name, but for case, accents and punctuation."""
        return list(self.filter(name_key=sort_key(name), words=normalise(name)).values_list("pk", flat=True))

    def ids_of(self, names: Sequence[str]) -> dict[str, int]:
        """The ids of authors by name; those that are not there yet are made, also when two ask at once."""
        distinct = set(names)
        ids = self._held(distinct)
        # In one order everywhere, so that two transactions never wait for each other.
        missing = sorted(distinct - ids.keys())
        if missing:
            new = [self.model(name=name) for name in missing]
            # An update that changes nothing, so that the database tells the id of one that somebody else just made.
            self.bulk_create(new, update_conflicts=True, unique_fields=["name"], update_fields=["name_key"])
            ids.update((author.name, author.pk) for author in new)
        return ids

    def _held(self, names: set[str]) -> dict[str, int]:
        """The ids of those that are there. In a transaction of PostgreSQL none is renamed until it ends.

        The lock is that of a foreign key (PostgreSQL 15, "13.3.2. Row-Level Locks"), which Django cannot ask for: it
        waits for nobody but whoever is renaming the author, and then no author of this name is found.
        """
        if connection.vendor != "postgresql" or not connection.in_atomic_block:
            return dict(self.filter(bulk.IsOneOf("name", names)).values_list("name", "pk"))
        statement, parameters = (
            self.filter(bulk.IsOneOf("name", names)).order_by().values_list("name", "pk").query.sql_with_params()
        )
        with connection.cursor() as cursor:
            cursor.execute(f"{statement} FOR KEY SHARE", parameters)
            return dict(cursor.fetchall())


class Author(models.Model):
    """Somebody who wrote a book. The exact name is who they are: we know nothing else about them."""

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
        """What this author is found by."""
        return normalise(self.name)

    def rename(self, name: str, by: str = "") -> None:
        """Take another name, in every book too. Raises IntegrityError when another author has it."""
        with transaction.atomic():
            locked = self.books.select_for_update().order_by("pk").values_list("pk", flat=True)
            # Books first, as every other writer does, so that nobody waits in a circle.
            books = list(locked)
            self.name = name
            self.save()
            # Whoever had found the author by the former name has ended by now, and nobody finds it until we end.
            books += locked.exclude(pk__in=books)
            for start in range(0, len(books), 500):
                self._rename_in(books[start : start + 500], by)

    def _rename_in(self, books: Sequence[int], by: str) -> None:
        names: dict[int, list[str]] = {}
        for book_id, name in Authorship.objects.filter(book__in=books).values_list("book", "author__name"):
            names.setdefault(book_id, []).append(name)
        for book in Book.objects.filter(pk__in=books):
            was = told(book)
            book.author_names = names[book.pk]
            book.save()
            book.note_change(was, by)


def _worked_out(book: Mapping[str, Any]) -> dict[str, str]:
    """What the fields of books/fields.py would work out at a save."""
    line = line_of(
        title=book["title"],
        subtitle=book.get("subtitle", ""),
        authors=book["author_names"],
        subjects=book.get("subjects", ()),
    )
    return {"title_key": sort_key(book["title"]), "words": line}


class BookQuerySet(models.QuerySet["Book"]):
    """Books."""

    def matching(self, text: str) -> Self:
        """Those in whose title, subtitle, authors or subjects every word of `text` occurs. It must have one."""
        return self.filter(HasWords(text))

    def by_author(self, name: str) -> Self:
        """Those of an author with exactly this name, but for case, accents and punctuation."""
        return self.by_authors(Author.objects.named(name))

    def by_authors(self, authors: Sequence[int]) -> Self:
        """Those of any of these authors."""
        # By ids alone, for the planner to know whether these authors wrote much.
        return self.filter(pk__in=Authorship.objects.filter(author_id__in=authors).values("book_id"))

    def about(self, subject: str) -> Self:
        """Those with exactly this subject, but for case, accents and punctuation."""
        return self.filter(HasSubject(subject))

    def published_from(self, year: int) -> Self:
        """Those published in `year` or later."""
        # Of the same column as published_to, for the planner to see both ends of one range.
        return self.filter(year_up__range=(year, LAST_YEAR))

    def published_to(self, year: int) -> Self:
        """Those published in `year` or earlier."""
        return self.filter(year_up__lte=year)

    def rated(self, rating: Decimal) -> Self:
        """Those with `rating` or better."""
        return self.filter(rating_down__gte=rating)

    def add(self, *, author_names: Sequence[str], actor: str = "", **values: Any) -> "Book":
        """A new book, which `actor` adds for whoever it is added by. Raises IsbnTaken."""
        book = self.model(author_names=list(author_names), **values)
        if can_add_at_once():
            with _isbn_once(transaction.atomic() if connection.in_atomic_block else nullcontext()):
                add_at_once(book, actor)
            return book
        with _isbn_once(transaction.atomic()):
            book.save(force_insert=True)
            Authorship.objects.link({book.pk: book.author_names})
            BookChange.objects.note(BookChange.Action.ADDED, book, book.added_by_id or "", {}, actor)
        return book

    def add_many(self, books: Sequence[Mapping[str, Any]]) -> Sequence[int]:
        """Very many new books, by the values of their columns; gives their ids, in the same order.

        Each needs `title` and `author_names`; a column it does not name gets its default. Nobody is told to have added
        them. It has to happen in a transaction. Raises IntegrityError.
        """
        if not books:
            return []
        written = [field for field in self.model._meta.concrete_fields if not field.generated]
        absent = {field.attname: field.get_default() for field in written}
        absent |= dict.fromkeys(("created_at", "updated_at"), timezone.now())
        ids = bulk.new_ids(self.model, len(books))
        known = dict(zip(ids, books, strict=True))
        # All in the order of the first.
        rows = ([*{**absent, **book, **_worked_out(book), "id": pk}.values()] for pk, book in known.items())
        bulk.insert(self.model, [*absent], rows)
        Authorship.objects.link({pk: book["author_names"] for pk, book in known.items()})
        return ids


class Book(models.Model):
    """A book of the catalogue.

    `author_names` is what the API shows; it equals the names of `authors` in order. The verbs that keep it so are
    `Book.objects.add`, `Book.change`, `Book.take_names_from_authors` and `Author.rename`. Who did it is kept by these,
    `Book.discard` and `Book.note_change`; `by` is always a subject.
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
        # The index below begins with it.
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
        """Save it, and with it what is worked out from it."""
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "title_key", "words", "version", "updated_at"}
        super().save(*args, **kwargs)

    def line_of_words(self) -> str:
        """What this book is found by."""
        return line_of(title=self.title, subtitle=self.subtitle, authors=self.author_names, subjects=self.subjects)

    def change(self, *, by: str = "", actor: str = "", **values: Any) -> None:
        """Give it new values. It must have been read under a lock. Raises IsbnTaken."""
        was = told(self)
        relink = values.get("author_names", self.author_names) != self.author_names
        for name, value in values.items():
            setattr(self, name, value)
        with _isbn_once(transaction.atomic()):
            self.save()
            if relink:
                self.authorship_set.all().delete()
                Authorship.objects.link({self.pk: self.author_names})
            self.note_change(was, by, actor)

    def discard(self, by: str = "", actor: str = "") -> None:
        """Delete it, and keep what it was."""
        with transaction.atomic():
            BookChange.objects.note(BookChange.Action.DELETED, self, by, between(told(self), {}), actor)
            self.delete()

    def note_change(self, was: Mapping[str, Any], by: str, actor: str = "") -> None:
        """Keep that `by`, or `actor` for them, made it what it is now, from what `told` said before."""
        BookChange.objects.note(BookChange.Action.CHANGED, self, by, between(was, told(self)), actor)

    def take_names_from_authors(self) -> None:
        """Make `author_names` what the linked authors say, and save."""
        self.author_names = [link.author.name for link in self.authorship_set.select_related("author")]
        self.save()


class AuthorshipQuerySet(models.QuerySet["Authorship"]):
    """Links between books and authors."""

    def link(self, books: Mapping[int, Sequence[str]]) -> None:
        """Link books, which have no links yet, with their authors: names by the id of the book."""
        if not books:
            return
        ids = Author.objects.ids_of([name for names in books.values() for name in names])
        links = [(book, ids[name], place) for book, names in books.items() for place, name in enumerate(names)]
        bulk.insert(self.model, ("book_id", "author_id", "position"), links)


class Authorship(models.Model):
    """That an author wrote a book, and in which place they are named."""

    book = models.ForeignKey(Book, on_delete=models.CASCADE, db_index=False)
    author = models.ForeignKey(Author, on_delete=models.PROTECT, db_index=False)
    position = models.PositiveSmallIntegerField(default=0)

    objects = AuthorshipQuerySet.as_manager()

    class Meta:
        ordering = ("position", "id")
        constraints: ClassVar = [models.UniqueConstraint(fields=["book", "author"], name="books_authorship_once")]
        indexes: ClassVar = [models.Index(fields=["author", "book"], name="books_authorship_of_author")]

    def __str__(self) -> str:
        return f"{self.author} ({self.position + 1})"


def disown(instance: models.Model, **signal: Any) -> None:
    """Let the books of an account that is being deleted live on, as a change that clients can see."""
    Book.objects.filter(added_by_id=instance.pk).update(
        added_by=None, version=F("version") + 1, updated_at=timezone.now()
    )


@contextmanager
def _isbn_once(transaction: AbstractContextManager[None]) -> Iterator[None]:
    """The transaction, in which a second book of the same ISBN is IsbnTaken, also when two arrive at once."""
    try:
        with transaction:
            yield
    except IntegrityError as error:
        # PostgreSQL names the constraint, SQLite the column.
        if ONE_ISBN in str(error) or "books_book.isbn" in str(error):
            raise IsbnTaken from error
        raise
