"""A connection that the database has ended is handed to nobody; one that lives is not asked whether it does."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from psycopg_pool import ConnectionPool

from books.fast.prepared import prepared_cursor
from books.models import Author

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="This is about PostgreSQL.")


def _process() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_after_the_database_ended_every_connection_the_next_request_is_served(by_hand: Callable[[str], None]) -> None:
    before = _process()
    connection.close()  # back into the pool
    by_hand(  # and wait, ten seconds at most, until each is gone: one that is only told to go still answers
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    )
    assert _process() != before
    assert Author.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_lives_is_not_asked_whether_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    _process()
    connection.close()
    monkeypatch.setattr(ConnectionPool, "check_connection", lambda _: pytest.fail("It was asked."))
    for _ in range(20):
        _process()
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_has_something_to_say_is_asked_and_kept(by_hand: Callable[[str], None]) -> None:
    """A notice is there to be read; that is no reason to drop the connection."""
    listening = _process()
    with connection.cursor() as cursor:
        cursor.execute("LISTEN news")
    connection.close()
    by_hand("NOTIFY news")
    processes = set()
    for _ in range(20):
        processes.add(_process())
        connection.close()
    assert listening in processes


@pytest.mark.django_db
def test_what_is_prepared_is_planned_once() -> None:
    for number in range(8):
        with prepared_cursor(connection) as cursor:
            cursor.execute("SELECT 40 + %s::int", [number])
    with connection.cursor() as cursor:
        cursor.execute("SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement ~ 'SELECT 40'")
        assert cursor.fetchall() == [(8, 0)]


@pytest.mark.django_db
def test_behind_a_pooler_nothing_is_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    for number in range(8):
        with prepared_cursor(connection) as cursor:
            cursor.execute("SELECT 41 + %s::int", [number])
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement ~ 'SELECT 41'")
        assert cursor.fetchall() == [(0,)]


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Pacific/Auckland"])
@pytest.mark.parametrize(
    "written", ["2026-11-20 17:23:03.371123+00", "0001-01-01 00:00:00+00", "1969-07-20 20:17:40.5+02"]
)
def test_times_are_read_exactly_and_in_utc_whatever_the_time_zone_of_the_session(written: str, zone: str) -> None:
    with CaptureQueriesContext(connection), connection.cursor() as cursor:
        cursor.execute("SET LOCAL TimeZone TO %s", [zone])
        cursor.execute("SELECT %s::timestamptz", [written])
        read = cursor.fetchone()[0]
    assert read == datetime.fromisoformat(written)
    assert read.tzinfo is UTC
