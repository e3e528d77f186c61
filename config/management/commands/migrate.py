"""`manage.py migrate` with all the time that it needs: to index many rows takes longer than a request may."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from config.postgresql.patience import PATIENCE_SECONDS, PatientConnection


class Command(migrate.Command):
    """Django's own, without the time-outs of statements that requests have (config/settings.py)."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate."""
        with _all_the_time(connections[options["database"]]):
            super().handle(*args, **options)


@contextmanager
def _all_the_time(connection: BaseDatabaseWrapper) -> Iterator[None]:
    if connection.vendor != "postgresql":
        yield
        return
    # All the time to work, little to wait for a lock: whoever comes after would wait behind it.
    _set(connection, "SET statement_timeout = 0; SET lock_timeout = '5s'", None)
    try:
        yield
    finally:
        _set(connection, "RESET statement_timeout; RESET lock_timeout", PATIENCE_SECONDS)


def _set(connection: BaseDatabaseWrapper, statement: str, patience: float | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
    if isinstance(connection.connection, PatientConnection):
        connection.connection.patience = patience
