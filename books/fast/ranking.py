"""Ranking by relevance in one statement: candidates, tiers and page (`books.ranking` says what these are).

It spares the ORM's composing of SQL, and the second look-up of each candidate that `id IN (subquery)` takes.
"""

from typing import Any

from django.db import connections
from django.db.models import QuerySet

from books import ranking
from books.fast.reading import Position, conditions_of, select
from books.search import sort_key

# The index on titles yields those with one title in the order of their ids, which is nearly that of their age. Blanks
# around title and words keep "art" from being found inside "heart". Words contain no % and no _.
_STATEMENT = """
WITH newest AS (
    SELECT id, created_at, title_key FROM {table} WHERE {where} ORDER BY created_at DESC, id DESC LIMIT {candidates:d}
), titled AS (
    SELECT id, created_at, title_key FROM {table} WHERE {where} AND title_key = %s
    ORDER BY title_key DESC, id DESC LIMIT {titled:d}
), ranked AS (
    SELECT id AS ranked_id, created_at AS ranked_at, CASE
        WHEN title_key = %s THEN 3
        WHEN title_key LIKE %s THEN 2
        WHEN ' ' || title_key || ' ' LIKE %s THEN 1
        ELSE 0
    END AS tier
    FROM (SELECT * FROM newest UNION SELECT * FROM titled) AS candidates
), page AS (
    SELECT * FROM ranked {beyond} ORDER BY tier {way}, ranked_at {way}, ranked_id {way} LIMIT {limit:d}
)
SELECT {columns} FROM page JOIN {table} ON id = ranked_id ORDER BY tier {way}, ranked_at {way}, ranked_id {way}
"""


def read_ranked(
    queryset: "QuerySet[Any]",
    columns: tuple[str, ...],
    text: str,
    *,
    position: Position | None,
    descending: bool,
    limit: int,
) -> list[Any]:
    """`columns` and TIER of the first candidates for `text` by tier, age and id, beyond `position` if there is one.

    `queryset` is a plain one of books (`is_plain`). VERSION may be among `columns`.
    """
    found = conditions_of(queryset)
    if found is None:
        return []
    where, parameters = found
    connection = connections[queryset.db]
    selected = select(queryset, columns, (ranking.TIER, "page.tier"))
    phrase = sort_key(text)
    statement = _STATEMENT.format(
        table=selected.table,
        columns=selected.listed(),
        where=where or "TRUE",
        candidates=ranking.MAX_CANDIDATES,
        titled=ranking.MAX_TITLED,
        beyond=f"WHERE (tier, ranked_at, ranked_id) {'<' if descending else '>'} (%s, %s, %s)" if position else "",
        way="DESC" if descending else "ASC",
        limit=limit,
    )
    values = [*parameters, *parameters, phrase, phrase, f"{phrase} %", f"% {phrase} %"]
    if position:
        tier, created_at, pk = position
        values += [tier, queryset.model._meta.get_field("created_at").get_db_prep_value(created_at, connection), pk]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return selected.rows(cursor.fetchall())
