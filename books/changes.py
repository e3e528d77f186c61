"""Who changed which book, when, and from what to what? Written with every change, in its transaction; never read by
the API.

Rows name books and people by their keys alone, so that they outlive both.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from books.models import Book

MAX_TITLE = 500

# The fields that people write; lists of columns to read or to update begin with them.
TOLD = (
    "isbn",
    "title",
    "subtitle",
    "author_names",
    "publisher",
    "published_year",
    "language",
    "page_count",
    "rating",
    "subjects",
    "description",
)


def told(book: "Book") -> dict[str, Any]:
    """What a change may be told of, as the book has it now."""
    return {name: getattr(book, name) for name in TOLD}


def between(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What differs: old and new value by the name of the field. Empty texts and lists are None."""
    pairs = {name: [_or_none(was.get(name)), _or_none(now.get(name))] for name in TOLD}
    return {name: [old, new] for name, (old, new) in pairs.items() if old != new}


def _or_none(value: Any) -> Any:
    return None if value in ("", []) else value


class BookChangeQuerySet(models.QuerySet["BookChange"]):
    """Changes of books."""

    def of(self, book_id: int | str) -> "BookChangeQuerySet":
        """Those of one book, the newest first."""
        return self.filter(book_id=book_id).order_by("-at", "-id")

    def note(self, action: str, book: "Book", by: str, news: Mapping[str, Any], actor: str = "") -> None:
        """Keep that `by`, a subject or nobody, did this, or `actor` for them. A change that changes nothing is none."""
        if news or action != BookChange.Action.CHANGED:
            self.bulk_create([self.model.made(action, book, by, news, actor)])


class BookChange(models.Model):
    """That somebody added, changed or deleted a book. `news` are old and new value by the name of the field.

    `actor` is the subject of whoever did it for them, by a delegated token (RFC 8693); usually nobody.
    """

    class Action(models.TextChoices):
        """What was done."""

        ADDED = "added", "added"
        CHANGED = "changed", "changed"
        DELETED = "deleted", "deleted"
        IMPORTED = "imported", "added by an import"
        MERGED = "merged", "changed by an import"

    book_id = models.BigIntegerField("number of the book")
    title = models.CharField(max_length=MAX_TITLE)
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

    @classmethod
    def made(cls, action: str, book: "Book", by: str, news: Mapping[str, Any], actor: str = "") -> "BookChange":
        """One that is not saved yet."""
        return cls(book_id=book.pk, title=book.title, action=action, by=by, actor=actor, news=dict(news))
