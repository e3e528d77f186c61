"""Model fields whose values are derived at every save: sort keys, search words, versions.

`pre_save` is called by save() and bulk_create(), also with update_conflicts; bulk_update(), update() and
books/fast/bulk.py do not call it, so books/writing.py derives the same values for the last.
"""

from typing import TYPE_CHECKING, Any, Protocol, cast

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Combinable

from books.search import MAX_SORT_KEY, sort_key

if TYPE_CHECKING:
    CharField = models.CharField[str, str]
    TextField = models.TextField[str, str]
    PositiveIntegerField = models.PositiveIntegerField[int, int]
else:
    # Only the stubs of Django's fields take type arguments.
    from django.db.models import CharField, PositiveIntegerField, TextField


class Searchable(Protocol):
    """A model that can be searched by words."""

    def line_of_words(self) -> str:
        """Its normalised words on one line."""


def _bytewise(parameters: Any, connection: BaseDatabaseWrapper) -> Any:
    # PostgreSQL then compares byte by byte, as SQLite does, so that both sort alike.
    return parameters | {"collation": "C"} if connection.vendor == "postgresql" else parameters


class SortKeyField(CharField):
    """The sort key of the text column named `source`: without case, accents and punctuation."""

    def __init__(self, *args: Any, source: str, **kwargs: Any) -> None:
        self.source = source
        super().__init__(*args, **kwargs | {"max_length": MAX_SORT_KEY, "editable": False})

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """As in Django, with the C collation on PostgreSQL."""
        return _bytewise(super().db_parameters(connection), connection)

    def deconstruct(self) -> Any:
        """As in Django, with `source`."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, kwargs | {"source": self.source}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Derive the sort key."""
        key = sort_key(getattr(model_instance, self.source))
        setattr(model_instance, self.attname, key)
        return key


class WordsField(TextField):
    """The words of a `Searchable` on one line."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"editable": False})

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """As in Django, with the C collation on PostgreSQL."""
        return _bytewise(super().db_parameters(connection), connection)

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Derive the words."""
        line = cast("Searchable", model_instance).line_of_words()
        setattr(model_instance, self.attname, line)
        return line


class VersionField(PositiveIntegerField):
    """A number that each save increments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"default": 1, "editable": False})

    def pre_save(self, model_instance: models.Model, add: bool) -> int | Combinable:
        """An expression that increments the value in the row, which may be ahead of this instance."""
        version: int = getattr(model_instance, self.attname)
        if add:
            return version
        # Only right if the row was read under a lock.
        setattr(model_instance, self.attname, version + 1)
        return models.F(self.attname) + 1
