"""SQL of a page of rows, and of one row by its primary key, composed once.

Django composes the SQL of a queryset anew for each request, which takes longer than PostgreSQL needs to answer. Here
only the conditions are compiled by Django; the rest depends on the columns and the ordering alone, and is cached.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast

import orjson
from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import connections
from django.db.models import Field, JSONField, Model, QuerySet
from django.db.models.expressions import Col

from books.fast.prepared import prepared_cursor
from books.fast.version import VERSION, version_sql

Position = Sequence[Any]
"""The values of an ordering's keys in one row."""

Others = tuple[tuple[str, str], ...]
"""Names and SQL of what is read beside columns."""


@dataclass(frozen=True, slots=True)
class Selected:
    """What a statement reads of a table, and the conversion of its result to rows."""

    table: str
    sql: Mapping[str, str]
    fields: Mapping[str, "Field[Any, Any]"]
    readers: tuple[tuple[int, Callable[[Any], Any]], ...]
    row: Callable[[Iterable[Any]], Any]

    def listed(self) -> str:
        """The select list."""
        return ", ".join(self.sql.values())

    def rows(self, found: Iterable[Iterable[Any]]) -> list[Any]:
        """Named tuples of the result, with the values that the ORM would return."""
        lists = [*map(list, found)]
        for place, reader in self.readers:
            for values in lists:
                values[place] = reader(values[place])
        return [*map(self.row, lists)]


def is_plain(queryset: "QuerySet[Any]") -> bool:
    """Whether a queryset has conditions on columns of one table and nothing else, so that this module can read it."""
    query = queryset.query
    rest = (query.annotations, query.extra, query.distinct, query.combinator, query.is_sliced, query.select_for_update)
    # Django leaves an alias of a join that it found unnecessary, with a reference count of 0.
    return len([used for used in query.alias_refcount.values() if used]) <= 1 and not any(rest)


def conditions_of(queryset: "QuerySet[Any]") -> tuple[str, Sequence[Any]] | None:
    """The conditions of a plain queryset as SQL, "" for none, with parameters; None where no row can satisfy them."""
    if not queryset.query.where:
        return "", ()
    try:
        where, parameters = queryset.query.get_compiler(queryset.db).compile(queryset.query.where)
    except EmptyResultSet:
        return None
    except FullResultSet:
        return "", ()
    return where, parameters


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
    found = conditions_of(queryset)
    if found is None:
        return []
    where, parameters = found
    connection = connections[queryset.db]
    phrases = _phrases(*_what(queryset, columns), keys, descending)
    conditions, values = [where] if where else [], [*parameters]
    if position is not None:
        conditions.append(phrases.beyond)
        fields = (phrases.selected.fields[key] for key in keys)
        values += [field.get_db_prep_value(value, connection) for field, value in zip(fields, position, strict=True)]
    where_clause = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    # Not prepared with conditions, whose values the best plan depends on. The limit is no parameter: PostgreSQL assumes
    # a tenth of the table for one that it does not know.
    with connection.cursor() if where else prepared_cursor(connection) as cursor:
        cursor.execute(f"{phrases.before} {where_clause} {phrases.after} {limit:d}", values)
        return phrases.selected.rows(cursor.fetchall())


def read_one(queryset: "QuerySet[Any]", columns: tuple[str, ...], pk: int) -> Any | None:
    """`columns` of the row of `queryset`'s table and database with this primary key, or None where there is none.

    The primary key, `id`, is among `columns`. VERSION may be.
    """
    selected = select(queryset, columns)
    statement = f"SELECT {selected.listed()} FROM {selected.table} WHERE {selected.sql['id']} = %s"  # noqa: S608 - names only
    with prepared_cursor(connections[queryset.db]) as cursor:
        cursor.execute(statement, [pk])
        return next(iter(selected.rows(cursor.fetchall())), None)


def select(queryset: "QuerySet[Any]", columns: tuple[str, ...], *others: tuple[str, str]) -> Selected:
    """`columns` of `queryset`'s table and database, VERSION if it is among them, and `others`."""
    return _select(*_what(queryset, columns, *others))


def _what(
    queryset: "QuerySet[Any]", columns: tuple[str, ...], *others: tuple[str, str]
) -> tuple[type[Model], str, tuple[str, ...], Others]:
    if VERSION in columns:
        others = (*others, (VERSION, version_sql(connections[queryset.db])))
    return cast("type[Model]", queryset.model), queryset.db, columns, others


@cache
def _select(model: type[Model], database: str, columns: tuple[str, ...], others: Others) -> Selected:
    quote = connections[database].ops.quote_name
    table, sql = quote(model._meta.db_table), dict(others)
    names = tuple(dict.fromkeys((*columns, *sql)))
    fields = {name: cast("Field[Any, Any]", model._meta.get_field(name)) for name in names if name not in sql}
    sql |= {name: f"{table}.{quote(str(field.column))}" for name, field in fields.items()}
    readers = {names.index(name): _reader(field, database) for name, field in fields.items()}
    kind: Any = namedtuple("Row", names)  # type: ignore[misc] # names known at run time only
    return Selected(
        table=table,
        sql={name: sql[name] for name in names},
        fields=fields,
        readers=tuple((place, reader) for place, reader in readers.items() if reader),
        row=kind._make,
    )


@dataclass(frozen=True, slots=True)
class _Phrases:
    """The SQL of a page before, between and after its conditions."""

    selected: Selected
    before: str
    beyond: str
    after: str


@cache
def _phrases(
    model: type[Model],
    database: str,
    columns: tuple[str, ...],
    others: Others,
    keys: tuple[str, ...],
    descending: bool,
) -> _Phrases:
    selected = _select(model, database, columns, others)
    by = [selected.sql[key] for key in keys]
    return _Phrases(
        selected=selected,
        before=f"SELECT {selected.listed()} FROM {selected.table}",  # noqa: S608 - names only
        # A row value, which an index on the keys answers however many rows share the first of them.
        beyond=f"({', '.join(by)}) {'<' if descending else '>'} ({', '.join(['%s'] * len(by))})",
        after=f"ORDER BY {', '.join(f'{key} DESC' if descending else key for key in by)} LIMIT",
    )


def _reader(field: Any, database: str) -> Callable[[Any], Any] | None:
    """The conversion of a database value that Django does for this field; None where there is none."""
    if isinstance(field, JSONField):
        return orjson.loads
    connection = connections[database]
    # A generated column is converted as its output field.
    expression = Col(field.model._meta.db_table, field, getattr(field, "output_field", field))
    steps = [*connection.ops.get_db_converters(expression), *expression.get_db_converters(connection)]
    if not steps:
        return None
    return partial(_convert, [partial(step, expression=expression, connection=connection) for step in steps])


def _convert(steps: Sequence[Callable[[Any], Any]], value: Any) -> Any:
    for step in steps:
        value = step(value)
    return value
