"""What does the database keep that nobody writes? Columns worked out at every save, in this one place.

`pre_save` is called by save(), bulk_create() and bulk_create(update_conflicts=True) alike; only bulk_update() and
update() pass it by, and books/fast/bulk.py, for which books/writing.py derives the same values.
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
    # Django's fields take type arguments in their stubs alone.
    from django.db.models import CharField, PositiveIntegerField, TextField


class Searchable(Protocol):
    """A model that says which words it is found by."""

    def line_of_words(self) -> str:
        """Normalised words on one line."""


def _bytewise(parameters: Any, connection: BaseDatabaseWrapper) -> Any:
    # Text that PostgreSQL compares byte by byte, as SQLite does, so that both sort alike.
    return parameters | {"collation": "C"} if connection.vendor == "postgresql" else parameters


class SortKeyField(CharField):
    """What another text column, named by `source`, sorts by: without case, accents and punctuation."""

    def __init__(self, *args: Any, source: str, **kwargs: Any) -> None:
        self.source = source
        super().__init__(*args, **kwargs | {"max_length": MAX_SORT_KEY, "editable": False})

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """Django's parameters, with the C collation on PostgreSQL."""
        return _bytewise(super().db_parameters(connection), connection)

    def deconstruct(self) -> Any:
        """Django's parts for migrations, and ours."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, kwargs | {"source": self.source}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Work it out anew."""
        key = sort_key(getattr(model_instance, self.source))
        setattr(model_instance, self.attname, key)
        return key


class WordsField(TextField):
    """The line of words a `Searchable` is found by."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"editable": False})

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """Django's parameters, with the C collation on PostgreSQL."""
        return _bytewise(super().db_parameters(connection), connection)

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Work it out anew."""
        line = cast("Searchable", model_instance).line_of_words()
        setattr(model_instance, self.attname, line)
        return line


class VersionField(PositiveIntegerField):
    """A number that moves by one at every save."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"default": 1, "editable": False})

    def pre_save(self, model_instance: models.Model, add: bool) -> int | Combinable:
        """One more than the row has now, which the database knows better than this instance may."""
        version: int = getattr(model_instance, self.attname)
        if add:
            return version
        # Right for whoever read the row under a lock; nobody else may rely on it.
        setattr(model_instance, self.attname, version + 1)
        return models.F(self.attname) + 1
