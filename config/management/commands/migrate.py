"""`manage.py migrate` with all the time that it needs: to index many rows takes longer than a request may."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.schema import DatabaseSchemaEditor

from config.postgresql.base import DatabaseWrapper
from config.postgresql.timeouts import ANSWER_TIMEOUT_SECONDS, TimeoutConnection

# All the time to work, little to wait for a lock: whoever comes after would wait behind it.
_LIMITS = {"statement_timeout": "0", "lock_timeout": "'5s'"}


class Command(migrate.Command):
    """Django's own, without the time-outs of statements that requests have (config/settings.py)."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate."""
        with _all_the_time(connections[options["database"]]):
            super().handle(*args, **options)


class _UnhurriedEditor(DatabaseSchemaEditor):
    """Lifts the time-outs within the transaction of each migration: behind a pooler there is no session to do it for.

    A migration that is not atomic keeps those of the role.
    """

    def __enter__(self) -> "_UnhurriedEditor":
        super().__enter__()
        if self.atomic_migration:
            self.execute("; ".join(f"SET LOCAL {name} = {value}" for name, value in _LIMITS.items()), None)
        return self


@contextmanager
def _all_the_time(connection: BaseDatabaseWrapper) -> Iterator[None]:
    if not isinstance(connection, DatabaseWrapper):
        yield
        return
    limits = {} if connection.is_pooled else _LIMITS
    if connection.is_pooled:
        connection.SchemaEditorClass = _UnhurriedEditor
    _set(connection, [f"SET {name} = {value}" for name, value in limits.items()], None)
    try:
        yield
    finally:
        _set(connection, [f"RESET {name}" for name in limits], ANSWER_TIMEOUT_SECONDS)


def _set(connection: DatabaseWrapper, statements: list[str], answer_timeout: float | None) -> None:
    connection.ensure_connection()
    for statement in statements:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    if isinstance(connection.connection, TimeoutConnection):
        connection.connection.answer_timeout = answer_timeout
