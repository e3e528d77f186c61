"""Conditions on very many values and inserts of very many rows, each in one statement.

PostgreSQL takes an array and COPY; SQLite takes JSON and a repeated INSERT. Derived columns are not computed here: the
caller passes complete rows.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler

Row = Sequence[Any]


class IsOneOf(models.Func):
    """True where a column has one of these texts or numbers, which are a single parameter however many they are.

    Django's `__in` makes a parameter of each, which took a third of the time of an import.
    """

    output_field = models.BooleanField()

    def __init__(self, name: str, values: Iterable[int | str]) -> None:
        super().__init__(models.F(name))
        self.values = list(values)

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        """`column = ANY(array)`, which an index answers."""
        column, parameters = compiler.compile(self.get_source_expressions()[0])
        return f"{column} = ANY(%s)", (*parameters, _array(self.values))

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        """`column IN (SELECT …)` from a JSON array, which an index answers."""
        column, parameters = compiler.compile(self.get_source_expressions()[0])
        found = f"{column} IN (SELECT value FROM json_each(%s))"  # noqa: S608 - names only
        return found, (*parameters, json.dumps(self.values))


def _array(values: Iterable[int | str]) -> str:
    """An array as PostgreSQL reads it (8.15.6), of the type compared with; psycopg's own takes ten times as long."""
    quoted = [str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values]
    return '{"' + '","'.join(quoted) + '"}' if quoted else "{}"


def new_ids(model: type[models.Model], count: int) -> Sequence[int]:
    """Reserve `count` primary keys of `model`, in ascending order, for rows that this transaction inserts."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            sequence = "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)"
            cursor.execute(sequence, (model._meta.db_table, _pk_of(model), count))
            return [pk for (pk,) in cursor.fetchall()]
        # SQLite has one writer at a time; the sequence follows the inserted rows by itself.
        cursor.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = %s", (model._meta.db_table,))
        last = cursor.fetchone()[0] or 0
        return range(last + 1, last + 1 + count)


def insert(model: type[models.Model], names: Sequence[str], rows: Iterable[Row]) -> None:
    """Insert rows with values for the fields `names`, taken one by one. Raises IntegrityError."""
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    columns = ", ".join(quote(str(field.column)) for field in fields)
    ready: Any = _ready(fields, rows)
    # COPY passes by the cursor that makes Django's errors of psycopg's.
    with connection.wrap_database_errors, connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in ready:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(fields))
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", ready)  # noqa: S608 - names only


def _ready(fields: Sequence[Any], rows: Iterable[Row]) -> Iterable[Row]:
    """The rows as the drivers take them. Most values are ready, so only columns of some types are converted."""
    ways = [(place, way) for place, field in enumerate(fields) if (way := _way(field))]
    for row in rows:
        whole = list(row)
        for place, way in ways:
            if whole[place] is not None:
                whole[place] = way(whole[place])
        yield whole


def _way(field: Any) -> Callable[[Any], Any] | None:
    """The conversion of a value of `field` for the driver; None where it takes the value as it is."""
    if isinstance(field, models.JSONField):
        return json.dumps
    # The driver of SQLite takes neither times nor decimals.
    if connection.vendor == "sqlite" and isinstance(field, models.DateTimeField | models.DecimalField):
        return partial(field.get_db_prep_save, connection=connection)
    return None


def _pk_of(model: type[models.Model]) -> str:
    return str(model._meta.pk.column)
