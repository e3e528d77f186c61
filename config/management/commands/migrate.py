"""`manage.py migrate` without the statement time-outs of requests: building an index may take longer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.schema import DatabaseSchemaEditor

from config.postgresql.base import DatabaseWrapper
from config.postgresql.timeouts import ANSWER_TIMEOUT_SECONDS, TimeoutConnection

# No limit for statements, but a short one for locks: other queries queue behind a waiting lock.
_LIMITS = {"statement_timeout": "0", "lock_timeout": "'5s'"}


class Command(migrate.Command):
    """Django's own command, without the statement time-outs of requests (config/settings.py)."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the migrations without statement time-outs."""
        with _without_timeouts(connections[options["database"]]):
            super().handle(*args, **options)


class _NoTimeoutSchemaEditor(DatabaseSchemaEditor):
    """Removes the time-outs in the transaction of each migration, since a pooler does not keep session settings.

    A non-atomic migration keeps the time-outs of the role.
    """

    def __enter__(self) -> "_NoTimeoutSchemaEditor":
        super().__enter__()
        if self.atomic_migration:
            self.execute("; ".join(f"SET LOCAL {name} = {value}" for name, value in _LIMITS.items()), None)
        return self


@contextmanager
def _without_timeouts(connection: BaseDatabaseWrapper) -> Iterator[None]:
    if not isinstance(connection, DatabaseWrapper):
        yield
        return
    limits = {} if connection.is_pooled else _LIMITS
    if connection.is_pooled:
        connection.SchemaEditorClass = _NoTimeoutSchemaEditor
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
