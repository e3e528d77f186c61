"""What keeps the API fast: few queries, an index for each of them, and a dict instead of a serializer."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.models import User
from books import writing
from books.models import Author, Book
from books.serializers import AuthorSerializer, BookSerializer
from tests.books.conftest import AUTHORS, BOOKS, Shelve
from tests.conftest import Client

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def full_shelf(db: None) -> None:
    """A hundred books that differ in what may be absent."""
    ann = User.objects.create(sub="ann", username="Ann")
    books = [
        Book(
            title=f"Whale {number}",
            author_names=[f"Author {number % 7}", "Bob"],
            isbn=f"97800000{number:05}" if number % 2 else None,
            subtitle="Ünïcode 🐋 \u2028 <&>" if number % 3 else "",
            published_year=None if number % 5 == 0 else 1900 + number,
            rating=None if number % 4 == 0 else Decimal(number) / 20,
            page_count=number or None,
            language="en",
            subjects=["Sea", 'Quo"tes'] if number % 2 else [],
            description="\n\tLines\n",
            added_by=ann if number % 2 else None,
            created_at=NOON + timedelta(microseconds=number * (number % 2)),
        )
        for number in range(100)
    ]
    writing.link_authors({book.pk: book.author_names for book in Book.objects.bulk_create(books)})


@pytest.mark.parametrize(
    "path, queries",
    [
        (BOOKS, 1),
        (f"{BOOKS}?ordering=-rating", 1),
        (f"{BOOKS}?search=whale&ordering=title", 1),
        (f"{BOOKS}?search=whale", 1),
        (f"{BOOKS}?author=1", 2),
        (f"{BOOKS}?author=bob", 2),
        (f"{BOOKS}?language=en&published_from=1900&min_rating=1", 1),
        (AUTHORS, 1),
    ],
)
def test_a_page_costs_the_same_number_of_queries_whatever_its_size(
    visitor: Client, full_shelf: None, path: str, queries: int
) -> None:
    path = path.replace("author=1", f"author={Author.objects.get(name='Bob').pk}")
    for size in (1, 100):
        url: Any = f"{path}{'&' if '?' in path else '?'}page_size={size}"
        for _ in range(2):
            with CaptureQueriesContext(
                connection,
            ) as captured:
                page = visitor.get(url).json()
            assert page["results"]
            assert len(captured) == queries, [query["sql"] for query in captured]
            if (url := page["next"]) is None:
                break


def test_who_reads_with_a_token_costs_no_query_more(
    uma: Client, full_shelf: None, django_assert_num_queries: Any
) -> None:
    pk = Book.objects.values_list("pk", flat=True)[0]
    uma.get(BOOKS)
    with django_assert_num_queries(1):
        uma.get(BOOKS)
    with django_assert_num_queries(1):
        uma.get(f"{BOOKS}{pk}/")


@pytest.mark.parametrize("count", [1, 50])
def test_a_book_of_many_authors_is_written_in_as_many_queries(uma: Client, db: None, count: int) -> None:
    names = [f"Author {number}" for number in range(count)]
    uma.post(BOOKS, {"title": "Warm", "authors": names})
    with CaptureQueriesContext(connection) as captured:
        assert uma.post(BOOKS, {"title": "Emma", "authors": names}).status_code == 201
    statements = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
    # The person, the book, the authors, the links, and who did it; on PostgreSQL all but the person is one statement.
    assert len(statements) == (2 if connection.vendor == "postgresql" else 5), statements


def test_the_fast_way_writes_what_the_serializers_say(visitor: Client, full_shelf: None) -> None:
    request = Request(APIRequestFactory().get(BOOKS))
    tables: Any = (
        (BOOKS, BookSerializer, Book.objects.order_by("-created_at", "-id")),
        (AUTHORS, AuthorSerializer, Author.objects.order_by("name_key", "id")),
    )
    for path, serializer, queryset in tables:
        said = serializer(queryset, many=True, context={"request": request})
        # Times and numbers as DRF itself renders them.
        said = orjson.loads(JSONRenderer().render(said.data))
        listed = visitor.get(f"{path}?page_size=100").json()["results"]
        assert listed == said
        assert [list(row) for row in listed] == [list(row) for row in said], "the members have another order"
        for row in listed[:5]:
            assert visitor.get(row["url"]).json() == row


@pytest.mark.parametrize(
    "ordering, index",
    [
        ("created_at", "books_by_age"),
        ("title", "books_by_title"),
        ("published_year", "books_by_year_up"),
        ("-published_year", "books_by_year_down"),
        ("rating", "books_by_rating_up"),
        ("-rating", "books_by_rating_down"),
    ],
)
def test_every_ordering_walks_its_index_from_the_cursor_on(
    visitor: Client, full_shelf: None, ordering: str, index: str
) -> None:
    """A plan that names the index and sorts nothing costs the same on every page."""
    following = visitor.get(f"{BOOKS}?ordering={ordering}&page_size=5").json()["next"]
    with CaptureQueriesContext(connection) as captured:
        visitor.get(following)
    plan = explained(captured[0]["sql"])
    assert index in plan
    assert "SORT" not in plan.upper().replace("SORT_KEY", "")
    # The row value is a condition of the index, not a filter on what it yields.
    assert "Index Cond: (ROW(" in plan if connection.vendor == "postgresql" else "SEARCH" in plan


@pytest.mark.parametrize(
    "query, index",
    [
        ("published_to=1950&ordering=-published_year", "books_by_year_up"),
        ("published_from=1950&ordering=-published_year", "books_by_year_up"),
        ("published_from=1950&ordering=published_year", "books_by_year_up"),
        ("min_rating=3&ordering=rating", "books_by_rating_down"),
        ("min_rating=3&ordering=-rating", "books_by_rating_down"),
    ],
)
def test_an_ordering_by_what_is_filtered_begins_and_ends_where_the_filter_does(
    visitor: Client, full_shelf: None, query: str, index: str
) -> None:
    """By the column for absent values it would pass all that is filtered out: a million books before the first one."""
    page = visitor.get(f"{BOOKS}?{query}&page_size=5").json()
    for path in (f"{BOOKS}?{query}", page["next"]):
        with CaptureQueriesContext(connection) as captured:
            page = visitor.get(path).json()
        plan = explained(captured[0]["sql"])
        assert index in plan
        assert "SORT" not in plan.upper()
        assert "Filter" not in plan
    name = "published_year" if "year" in query else "rating"
    values = [book[name] for book in visitor.get(f"{BOOKS}?{query}&page_size=100").json()["results"]]
    assert len(values) > 10
    assert values == sorted(values, reverse="=-" in query)


@pytest.mark.parametrize("query", ["author=bob", "author=1"])
def test_books_of_an_author_are_found_by_ids(visitor: Client, full_shelf: None, query: str) -> None:
    query = query.replace("1", str(Author.objects.get(name="Bob").pk))
    with CaptureQueriesContext(connection) as captured:
        assert visitor.get(f"{BOOKS}?{query}").json()["results"]
    found, page = (entry["sql"] for entry in captured)
    if query == "author=bob":
        assert "books_author_by_name" in explained(found)
    # The number itself: for an author it has counted the planner chooses another way than for an average one.
    assert f"= {Author.objects.get(name='Bob').pk}" in page or f"({Author.objects.get(name='Bob').pk})" in page
    assert "books_authorship_o" in explained(page)


@pytest.mark.parametrize(
    "query, index",
    [
        ("search=whale&ordering=title", {"postgresql": "books_book_search", "sqlite": "books_book_words"}),
        ("subject=sea", {"postgresql": "books_book_search", "sqlite": "books_book_words"}),
        ("published_from=1990&ordering=-created_at", "books_by_year_up"),
        ("published_to=1910", "books_by_year_up"),
        ("min_rating=4.9", "books_by_rating_down"),
        ("language=tlh", "books_by_language"),
        ("added_by=nobody", "books_by_adder"),
        ("isbn=9780141439587", {"postgresql": "books_book_isbn_once", "sqlite": "sqlite_autoindex_books_book"}),
    ],
)
def test_every_filter_has_an_index(visitor: Client, full_shelf: None, query: str, index: Any) -> None:
    with CaptureQueriesContext(connection) as captured:
        visitor.get(f"{BOOKS}?{query}")
    name = index if isinstance(index, str) else index[connection.vendor]
    # Without the order, which a hundred rows are sorted in sooner than looked up.
    plan = explained(captured[0]["sql"].partition(" ORDER BY ")[0])
    assert name in plan
    assert "Filter:" not in plan, "the index yields rows that are then thrown away"


def test_a_search_is_ranked_by_indexes_alone(visitor: Client, full_shelf: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert visitor.get(f"{BOOKS}?search=whale").json()["results"]
    plan = explained(captured[0]["sql"])
    # Conditions of the indexes, not filters on what they yield.
    if connection.vendor == "postgresql":
        assert "Index Cond: ((title_key)::text = 'whale'::text)" in plan
        assert "books_book_search" in plan or "books_by_age" in plan
        assert "Seq Scan on books_book" not in plan
    else:
        assert "USING INDEX books_by_title (title_key=?" in plan
        assert "books_book_words" in plan
        assert "SCAN books_book\n" not in plan


def explained(sql: str) -> str:
    """The plan of a query, were the table too large to read it whole."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
            cursor.execute("EXPLAIN " + sql)
            return "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("EXPLAIN QUERY PLAN " + sql.replace("%", "%%"))
        return "\n".join(row[3] for row in cursor.fetchall())


def test_a_page_is_not_made_for_who_has_it(visitor: Client, shelve: Shelve, monkeypatch: pytest.MonkeyPatch) -> None:
    shelve()
    tag = visitor.get(BOOKS)["ETag"]
    monkeypatch.setattr("books.views.represent", lambda *_: pytest.fail("it was made"))
    assert visitor.get(BOOKS, headers={"If-None-Match": tag}).status_code == 304
