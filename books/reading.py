"""How are rows read? As `values_list(named=True)` would, in SQL that is put together once instead of each time.

A page of books, or one book, is asked for far more often than anything else, and Django builds its SQL anew for every
request, which takes longer than PostgreSQL needs to answer. Here only the conditions are Django's; what comes before
and after them depends on nothing but the columns and the order. A test holds both against each other.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast

import orjson
from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import connections
from django.db.models import Field, JSONField, Model, QuerySet
from django.db.models.expressions import Col

from books.prepared import prepared_cursor
from books.version import VERSION, told_by

Position = Sequence[Any]
"""The values of an ordering's keys in one row: where that row stands."""


@dataclass(frozen=True, slots=True)
class _Phrases:
    """What is said around the conditions, and how the answer is read."""

    before: str
    at: str
    beyond: str
    after: str
    keys: tuple["Field[Any, Any]", ...]
    readers: tuple[tuple[int, Callable[[Any], Any]], ...]
    row: Callable[[Iterable[Any]], Any]

    def rows(self, found: Iterable[Iterable[Any]]) -> list[Any]:
        """What the database gave, as it is to be read."""
        lists = [*map(list, found)]
        for place, reader in self.readers:
            for values in lists:
                values[place] = reader(values[place])
        return [*map(self.row, lists)]


def is_plain(queryset: "QuerySet[Any]") -> bool:
    """Whether `read` understands it: conditions on columns of one table, and nothing else."""
    query = queryset.query
    rest = (query.annotations, query.extra, query.distinct, query.combinator, query.is_sliced, query.select_for_update)
    return len(query.alias_map) <= 1 and not any(rest)


def read(
    queryset: "QuerySet[Any]",
    columns: tuple[str, ...],
    keys: tuple[str, ...],
    *,
    position: Position | None,
    descending: bool,
    limit: int,
) -> list[Any]:
    """`columns` of the first rows of a plain queryset by `keys`, beyond `position` if there is one.

    `keys` are among `columns`, and are columns without NULL. VERSION may be among `columns`.
    """
    connection = connections[queryset.db]
    version = told_by(connection) if VERSION in columns else ""
    phrases = _phrases(cast("type[Model]", queryset.model), columns, keys, descending, queryset.db, version)
    conditions, parameters = [], []
    if queryset.query.where:
        try:
            where, values = queryset.query.get_compiler(queryset.db).compile(queryset.query.where)
            conditions.append(where)
            parameters.extend(values)
        except EmptyResultSet:
            return []
        except FullResultSet:
            pass
    narrowed = bool(conditions)
    if position is not None:
        conditions.append(phrases.beyond)
        parameters += [
            field.get_db_prep_value(value, connection) for field, value in zip(phrases.keys, position, strict=True)
        ]
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    # With conditions, the best plan depends on their values. Always it depends on the limit: of one that it does not
    # know, PostgreSQL believes that it is a tenth of the table.
    with connection.cursor() if narrowed else prepared_cursor(connection) as cursor:
        cursor.execute(f"{phrases.before} {where} {phrases.after} {limit:d}", parameters)
        return phrases.rows(cursor.fetchall())


def read_one(queryset: "QuerySet[Any]", columns: tuple[str, ...], pk: int) -> Any | None:
    """`columns` of the row of `queryset`'s table and database with this primary key, or None where there is none.

    The primary key is among `columns`. VERSION may be.
    """
    connection = connections[queryset.db]
    version = told_by(connection) if VERSION in columns else ""
    model = cast("type[Model]", queryset.model)
    phrases = _phrases(model, columns, (model._meta.pk.name,), False, queryset.db, version)
    with prepared_cursor(connection) as cursor:
        cursor.execute(f"{phrases.before} WHERE {phrases.at}", [pk])
        return next(iter(phrases.rows(cursor.fetchall())), None)


@cache
def _phrases(
    model: type[Model], columns: tuple[str, ...], keys: tuple[str, ...], descending: bool, database: str, version: str
) -> _Phrases:
    quote = connections[database].ops.quote_name
    fields = {name: cast("Field[Any, Any]", model._meta.get_field(name)) for name in columns if name != VERSION}
    table = quote(model._meta.db_table)
    said = {name: f"{table}.{quote(str(fields[name].column))}" if name in fields else version for name in columns}
    by = [said[key] for key in keys]
    kind: Any = namedtuple("Row", columns)  # type: ignore[misc] # its names are not known before
    readers = {columns.index(name): _reader(field, database) for name, field in fields.items()}
    return _Phrases(
        before=f"SELECT {', '.join(said.values())} FROM {table}",  # noqa: S608 - names only
        at=f"({', '.join(by)}) = ({', '.join(['%s'] * len(by))})",
        # A row value: an index on the keys finds the place however many rows share the first of them.
        beyond=f"({', '.join(by)}) {'<' if descending else '>'} ({', '.join(['%s'] * len(by))})",
        after=f"ORDER BY {', '.join(f'{key} DESC' if descending else key for key in by)} LIMIT",
        keys=tuple(fields[key] for key in keys),
        readers=tuple((place, reader) for place, reader in readers.items() if reader),
        row=kind._make,
    )


def _reader(field: Any, database: str) -> Callable[[Any], Any] | None:
    """What Django would make of a value that comes from the database; None where it is right as it comes."""
    if isinstance(field, JSONField):
        return orjson.loads
    connection = connections[database]
    # A generated column has the type of what it is worked out from.
    expression = Col(field.model._meta.db_table, field, getattr(field, "output_field", field))
    steps = [*connection.ops.get_db_converters(expression), *expression.get_db_converters(connection)]
    if not steps:
        return None
    return partial(_convert, [partial(step, expression=expression, connection=connection) for step in steps])


def _convert(steps: Sequence[Callable[[Any], Any]], value: Any) -> Any:
    for step in steps:
        value = step(value)
    return value
