"""How are very many rows asked for and written at once? By one array and by COPY on PostgreSQL, by JSON and by one
INSERT run over all of them on SQLite. Here alone the two differ.

What is worked out at a save is not worked out here: whoever calls brings whole rows.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from django.db import connection, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler

Row = Sequence[Any]


class IsOneOf(models.Func):
    """True where a column has one of these texts or numbers, which are a single parameter however many they are.

    Django's `__in` makes a parameter of each, and of a thousand the work of a third of an import.
    """

    output_field = models.BooleanField()

    def __init__(self, name: str, values: Iterable[int | str]) -> None:
        super().__init__(models.F(name))
        self.values = list(values)

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        """An index answers this."""
        column, parameters = compiler.compile(self.get_source_expressions()[0])
        return f"{column} = ANY(%s)", (*parameters, _array(self.values))

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        """An index answers this, too."""
        column, parameters = compiler.compile(self.get_source_expressions()[0])
        found = f"{column} IN (SELECT value FROM json_each(%s))"  # noqa: S608 - names only
        return found, (*parameters, json.dumps(self.values))


def _array(values: Iterable[int | str]) -> str:
    """An array as PostgreSQL reads it (8.15.6), of the type it is compared with; psycopg's takes ten times as long."""
    quoted = [str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values]
    return '{"' + '","'.join(quoted) + '"}' if quoted else "{}"


def new_ids(model: type[models.Model], count: int) -> Sequence[int]:
    """`count` primary keys, in order, that no row of `model` has or will get. For the transaction that uses them."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            sequence = "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)"
            cursor.execute(sequence, (model._meta.db_table, _pk_of(model), count))
            return [pk for (pk,) in cursor.fetchall()]
        # Whoever writes to SQLite is alone; the sequence follows the rows by itself.
        cursor.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = %s", (model._meta.db_table,))
        last = cursor.fetchone()[0] or 0
        return range(last + 1, last + 1 + count)


def keep_used_ids(sender: Any, using: str, **signal: Any) -> None:
    """After migrations: no new book gets the id of one that was deleted, which its history tells.

    SQLite remembers the highest id that it ever gave (AUTOINCREMENT). Where Django makes the table anew, it remembers
    that of the rows that were left; an entity tag of a deleted book would then be that of another one.
    """
    database = connections[using]
    if database.vendor != "sqlite" or "books_bookchange" not in database.introspection.table_names():
        return
    with database.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(book_id), 0) FROM books_bookchange")
        (used,) = cursor.fetchone()
        cursor.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'books_book'")
        if used > cursor.fetchone()[0]:
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = 'books_book'")
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('books_book', %s)", [used])


def insert(model: type[models.Model], names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add rows with values for the fields `names`. Rows are taken one by one, while the database writes earlier ones.

    Raises IntegrityError.
    """
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    columns = ", ".join(quote(str(field.column)) for field in fields)
    ready: Any = _ready(fields, rows)
    # psycopg's own errors become Django's, which a cursor does for SQL alone.
    with connection.wrap_database_errors, connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in ready:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(fields))
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", ready)  # noqa: S608 - names only


def _ready(fields: Sequence[Any], rows: Iterable[Row]) -> Iterable[Row]:
    """The rows as the drivers take them: most values are ready, so only columns of some types are looked at."""
    ways = [(place, way) for place, field in enumerate(fields) if (way := _way(field))]
    for row in rows:
        whole = list(row)
        for place, way in ways:
            if whole[place] is not None:
                whole[place] = way(whole[place])
        yield whole


def _way(field: Any) -> Callable[[Any], Any] | None:
    """What makes a value of `field` one that the driver takes; None where it does so already."""
    if isinstance(field, models.JSONField):
        return json.dumps
    # SQLite knows neither times nor decimals.
    if connection.vendor == "sqlite" and isinstance(field, models.DateTimeField | models.DecimalField):
        return partial(field.get_db_prep_save, connection=connection)
    return None


def _pk_of(model: type[models.Model]) -> str:
    return str(model._meta.pk.column)
